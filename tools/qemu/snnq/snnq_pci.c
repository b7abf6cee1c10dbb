/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coprocessor on PCI: registers in BAR 0, MSI-X in BAR 2, INTx while MSI-X is off.
 * Only bus glue here.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
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

/* MSI-X may go off, and the line is the way again. */
static void snnq_pci_config_write(PCIDevice *pdev, uint32_t addr, uint32_t value, int len)
{
    pci_default_write_config(pdev, addr, value, len);
    snnq_line_update(&SNNQ_PCI(pdev)->snnq);
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
    if (msix_init_exclusive_bar(pdev, vectors, SNNQ_PCI_BAR_MSIX, errp)) {
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
    snnq_init(&SNNQ_PCI(obj)->snnq, obj);
}

static const Property snnq_pci_properties[] = {
    SNNQ_DEVICE_PROPERTIES(SnnqPci, snnq),
};

/* A running job is inside the engine, whose plan is not yet state that can move. */
static const VMStateDescription snnq_pci_vmstate = {
    .name = TYPE_SNNQ_PCI,
    .unmigratable = 1,
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
