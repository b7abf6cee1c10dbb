/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coprocessor on the system bus: registers in one window, one level line for all
 * that it has to tell. A machine that takes such devices on its command line maps it and,
 * where it has a device tree, describes it there (snnq_fdt.c.inc). Only bus glue here.
 */
#include "qemu/osdep.h"
#include "hw/irq.h"
#include "hw/resettable.h"
#include "hw/sysbus.h"
#include "migration/vmstate.h"
#include "qemu/module.h"
#include "snnq.h"

#define TYPE_SNNQ_MMIO "snnq-mmio"
OBJECT_DECLARE_SIMPLE_TYPE(SnnqMmio, SNNQ_MMIO)

struct SnnqMmio {
    SysBusDevice parent_obj;
    SnnqState snnq;
    qemu_irq irq;
};

/* There is nobody to send messages to: the line says it all. */
static void snnq_mmio_message(void *opaque, unsigned vector)
{
}

static void snnq_mmio_line(void *opaque, bool level)
{
    qemu_set_irq(SNNQ_MMIO(opaque)->irq, level);
}

static const SnnqBus snnq_mmio_bus = {
    .message = snnq_mmio_message,
    .line = snnq_mmio_line,
};

static void snnq_mmio_realize(DeviceState *dev, Error **errp)
{
    SnnqMmio *m = SNNQ_MMIO(dev);

    if (!snnq_realize(&m->snnq, dev, &address_space_memory, &snnq_mmio_bus, m, errp)) {
        return;
    }
    sysbus_init_mmio(SYS_BUS_DEVICE(dev), &m->snnq.regs);
    sysbus_init_irq(SYS_BUS_DEVICE(dev), &m->irq);
}

static void snnq_mmio_unrealize(DeviceState *dev)
{
    snnq_unrealize(&SNNQ_MMIO(dev)->snnq);
}

static void snnq_mmio_reset_enter(Object *obj, ResetType type)
{
    snnq_reset_enter(&SNNQ_MMIO(obj)->snnq);
}

static void snnq_mmio_reset_hold(Object *obj, ResetType type)
{
    snnq_reset_hold(&SNNQ_MMIO(obj)->snnq);
}

static void snnq_mmio_reset_exit(Object *obj, ResetType type)
{
    snnq_reset_exit(&SNNQ_MMIO(obj)->snnq);
}

static void snnq_mmio_init(Object *obj)
{
    snnq_init(&SNNQ_MMIO(obj)->snnq, obj);
}

/* The other end of the line keeps its level with its own state. */
static const VMStateDescription snnq_mmio_vmstate = {
    .name = TYPE_SNNQ_MMIO,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(snnq, SnnqMmio, 1, snnq_vmstate, SnnqState),
        VMSTATE_END_OF_LIST()
    }
};

static const Property snnq_mmio_properties[] = {
    SNNQ_DEVICE_PROPERTIES(SnnqMmio, snnq),
};

static void snnq_mmio_class_init(ObjectClass *klass, SNNQ_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->realize = snnq_mmio_realize;
    dc->unrealize = snnq_mmio_unrealize;
    rc->phases.enter = snnq_mmio_reset_enter;
    rc->phases.hold = snnq_mmio_reset_hold;
    rc->phases.exit = snnq_mmio_reset_exit;
    dc->desc = "Neuromorphic coprocessor";
    dc->vmsd = &snnq_mmio_vmstate;
    device_class_set_props(dc, snnq_mmio_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void snnq_mmio_register_types(void)
{
    static const TypeInfo info = {
        .name = TYPE_SNNQ_MMIO,
        .parent = TYPE_DYNAMIC_SYS_BUS_DEVICE,
        .instance_size = sizeof(SnnqMmio),
        .instance_init = snnq_mmio_init,
        .class_init = snnq_mmio_class_init,
    };

    type_register_static(&info);
}
type_init(snnq_mmio_register_types)
