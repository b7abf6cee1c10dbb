/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coprocessor on PCI: registers in BAR 0, MSI-X in BAR 2, INTx while MSI-X is off.
 * Only bus glue here.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "qemu/module.h"
#include "snnq.h"

#define TYPE_SNNQ_PCI "snnq-pci"
OBJECT_DECLARE_SIMPLE_TYPE(SnnqPci, SNNQ_PCI)

struct SnnqPci {
    PCIDevice parent_obj;
    SnnqState snnq;
};

static void snnq_pci_message(void *opaque, unsigned vector)
{
    if (msix_enabled(opaque)) {
        msix_notify(opaque, vector);
    }
}

static void snnq_pci_line(void *opaque, bool level)
{
    pci_set_irq(opaque, level && !msix_enabled(opaque));
}

static const SnnqBus snnq_pci_bus = {
    .message = snnq_pci_message,
    .line = snnq_pci_line,
};

/* Whether the function is in D0. Registers do not answer in another power state. */
static bool snnq_pci_powered(PCIDevice *pdev)
{
    return !(pci_get_word(pdev->config + pdev->pm_cap + PCI_PM_CTRL) &
             PCI_PM_CTRL_STATE_MASK);
}

/* MSI-X may go off, and the line is the way again; power may go and come. */
static void snnq_pci_config_write(PCIDevice *pdev, uint32_t addr, uint32_t value, int len)
{
    SnnqState *s = &SNNQ_PCI(pdev)->snnq;

    pci_default_write_config(pdev, addr, value, len);
    if (pci_is_express(pdev)) {
        pcie_aer_write_config(pdev, addr, value, len);
        pcie_cap_flr_write_config(pdev, addr, value, len);
    }
    snnq_bus_power(s, snnq_pci_powered(pdev));
    snnq_line_update(s);
}

/* Power management on either bus; on PCI Express also function-level reset and AER. */
static bool snnq_pci_add_capabilities(PCIDevice *pdev, Error **errp)
{
    int pm = pci_pm_init(pdev, 0, errp);

    if (pm < 0) {
        return false;
    }
    pci_set_word(pdev->config + pm + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(pdev->config + pm + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pdev->wmask + pm + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    if (!pci_bus_is_express(pci_get_bus(pdev))) {
        pdev->cap_present &= ~QEMU_PCI_CAP_EXPRESS;
        return true;
    }
    if (pcie_endpoint_cap_init(pdev, 0) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    pcie_cap_deverr_init(pdev);
    pcie_cap_flr_init(pdev);
    return pcie_aer_init(pdev, PCI_ERR_VER, PCI_CONFIG_SPACE_SIZE, PCI_ERR_SIZEOF,
                         errp) >= 0;
}

static void snnq_pci_del_capabilities(PCIDevice *pdev)
{
    if (pci_is_express(pdev)) {
        pcie_aer_exit(pdev);
        pcie_cap_exit(pdev);
    }
}

static void snnq_pci_realize(PCIDevice *pdev, Error **errp)
{
    SnnqPci *p = SNNQ_PCI(pdev);
    unsigned vectors = 1 + p->snnq.cores;

    pci_config_set_interrupt_pin(pdev->config, 1);
    if (!snnq_realize(&p->snnq, DEVICE(pdev), pci_get_address_space(pdev),
                      &snnq_pci_bus, pdev, errp)) {
        return;
    }
    if (!snnq_pci_add_capabilities(pdev, errp)) {
        snnq_unrealize(&p->snnq);
        return;
    }
    if (msix_init_exclusive_bar(pdev, vectors, SNNQ_PCI_BAR_MSIX, errp)) {
        snnq_pci_del_capabilities(pdev);
        snnq_unrealize(&p->snnq);
        return;
    }
    for (unsigned i = 0; i < vectors; i++) {
        msix_vector_use(pdev, i);
    }
    pci_register_bar(pdev, SNNQ_PCI_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &p->snnq.regs);
}

static uint64_t gone_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void gone_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static const MemoryRegionOps gone_ops = {
    .read = gone_read,
    .write = gone_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/*
 * A vCPU that found a region before it was unmapped dispatches into it once it gets
 * the BQL. Ours knows; that of MSI-X would assert that its table is still there.
 */
static void snnq_pci_exit(PCIDevice *pdev)
{
    SnnqPci *p = SNNQ_PCI(pdev);

    snnq_unrealize(&p->snnq);
    pdev->msix_table_mmio.ops = &gone_ops;
    pdev->msix_pba_mmio.ops = &gone_ops;
    msix_unuse_all_vectors(pdev);
    msix_uninit_exclusive_bar(pdev);
    snnq_pci_del_capabilities(pdev);
}

static void snnq_pci_reset_enter(Object *obj, ResetType type)
{
    snnq_reset_enter(&SNNQ_PCI(obj)->snnq);
}

static void snnq_pci_reset_hold(Object *obj, ResetType type)
{
    snnq_reset_hold(&SNNQ_PCI(obj)->snnq);
}

static void snnq_pci_reset_exit(Object *obj, ResetType type)
{
    snnq_reset_exit(&SNNQ_PCI(obj)->snnq);
}

static void snnq_pci_init(Object *obj)
{
    /* Decides the size of the configuration space, before the bus is known. */
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
    snnq_init(&SNNQ_PCI(obj)->snnq, obj);
}

static const Property snnq_pci_properties[] = {
    SNNQ_DEVICE_PROPERTIES(SnnqPci, snnq),
};

/* The power state is the configuration space's. */
static int snnq_pci_post_load(void *opaque, int version_id)
{
    SnnqPci *p = opaque;

    qatomic_set(&p->snnq.unpowered, !snnq_pci_powered(PCI_DEVICE(p)));
    return 0;
}

static bool snnq_pci_aer_needed(void *opaque)
{
    return pci_is_express(opaque);
}

static const VMStateDescription snnq_pci_aer_vmstate = {
    .name = TYPE_SNNQ_PCI "/aer",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = snnq_pci_aer_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(parent_obj.exp.aer_log, SnnqPci, 0, vmstate_pcie_aer_log,
                       PCIEAERLog),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription snnq_pci_vmstate = {
    .name = TYPE_SNNQ_PCI,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = snnq_pci_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, SnnqPci),
        VMSTATE_MSIX(parent_obj, SnnqPci),
        VMSTATE_STRUCT(snnq, SnnqPci, 1, snnq_vmstate, SnnqState),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &snnq_pci_aer_vmstate,
        NULL
    }
};

static void snnq_pci_class_init(ObjectClass *klass, SNNQ_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    pc->realize = snnq_pci_realize;
    pc->exit = snnq_pci_exit;
    pc->config_write = snnq_pci_config_write;
    pc->vendor_id = SNNQ_PCI_VENDOR_ID;
    pc->device_id = SNNQ_PCI_DEVICE_ID;
    pc->revision = 1;
    pc->class_id = SNNQ_PCI_CLASS;
    rc->phases.enter = snnq_pci_reset_enter;
    rc->phases.hold = snnq_pci_reset_hold;
    rc->phases.exit = snnq_pci_reset_exit;
    dc->desc = "Neuromorphic coprocessor";
    dc->vmsd = &snnq_pci_vmstate;
    device_class_set_props(dc, snnq_pci_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void snnq_pci_register_types(void)
{
    static SNNQ_INTERFACES interfaces[] = {
        { INTERFACE_PCIE_DEVICE },
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    };
    static const TypeInfo info = {
        .name = TYPE_SNNQ_PCI,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(SnnqPci),
        .instance_init = snnq_pci_init,
        .class_init = snnq_pci_class_init,
        .interfaces = interfaces,
    };

    type_register_static(&info);
}
type_init(snnq_pci_register_types)
