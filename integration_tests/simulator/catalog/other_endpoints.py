"""Entities of the endpoints beside `Default`: manufacturing, and those of a customization."""

from __future__ import annotations

from integration_tests.simulator.catalog.fields import (
    NOTE_ID,
    boolean,
    decimal,
    instant,
    integer,
    short,
    string,
)
from integration_tests.simulator.store.recipes import (
    amount,
    block,
    choice,
    day,
    flag,
    inherited,
    line_number,
    long_decimal,
    modified,
    refer,
    serial,
    sometimes,
    text,
    whole,
)
from integration_tests.simulator.store.shapes import (
    Entity,
    Limits,
    Part,
    Shape,
)

MATERIAL = Shape("MaterialDetail", (
    integer("LineNbr", line_number), string("InventoryID", refer("AAITEM{:07d}")),
    decimal("QtyRequired", amount()), decimal("UnitCost", amount()),
    string("MaterialType", choice("Regular", "Phantom")), boolean("Backflush", flag),
    instant("EffectiveDate", sometimes(day)),
))  # fmt: skip
BILL_OF_MATERIAL = Entity(
    "BillOfMaterial", (
        string("BOMID", serial("BOM{:07d}")), string("Revision", choice("A")),
        string("InventoryID", refer("AAITEM{:07d}")), string("Description", sometimes(text("{0}"))),
        boolean("Hold", flag), string("Status", choice("Active", "Archived")), instant("EffStartDate", day),
        instant("EffEndDate", sometimes(day)),
    ),
    collections=(Part("Operations", Shape("OperationDetail", (
        string("BOMID", inherited("BOMID")), string("Revision", inherited("Revision")),
        string("OperationNbr", lambda spot, salt: f"{(spot.number + 1) * 10:04d}"),
        string("WorkCenter", choice("WC10", "WC20")), integer("SetupTime", whole(0, 90)),
        decimal("RunUnits", amount(4)),
    ), collections=(Part("Material", MATERIAL), Part("Steps", Shape("StepDetail", (integer("LineNbr",
                    line_number), string("Description", text("{0}")))))))),),
    name="BillOfMaterial", screen="AM208000", title="Bill of Material", keys=("BOMID", "Revision"),
    limits=Limits(delegate_expands={"Operations/Material": "BomMatlRecords",
            "Operations/Steps": "BomStepRecords"}),
)  # fmt: skip
PRODUCTION_ORDER = Entity(
    "ProductionOrder", (
        string("OrderType", block("PL", "RO", "RO")), string("ProductionNbr", serial("AM{:06d}")),
        string("InventoryID", refer("AAITEM{:07d}")), string("Status", choice("Planned", "Released")),
        decimal("QtytoProduce", amount()), short("DispatchPriority", whole(1, 10)), instant("StartDate", day),
        instant("EndDate", sometimes(day)),
    ),
    collections=(Part("EventHistory", Shape("EventHistoryDetail", (
        integer("EventLineNumber", line_number), string("OrderType", inherited("OrderType")),
        string("ProductionNbr", inherited("ProductionNbr")), string("Description", text("{0}")),
    ))),),
    links=(Part("OrderTotals", Shape("ProductionOrderTotals", (decimal("PlanTotal", amount()),
                    decimal("VarianceTotal", sometimes(amount()))))),),
    name="ProductionOrder", screen="AM201500", title="Production Order Maintenance",
    keys=("OrderType", "ProductionNbr"),
)  # fmt: skip
WORK_CENTER = Entity(
    "WorkCenter", (string("WorkCenterID", serial("WC{:02d}0")), string("Description", text("{0}")),
        decimal("StandardCost", amount(4)), boolean("Active", flag)),
    collections=(Part("Shifts", Shape("ShiftDetail", (string("Shift", serial("{:04d}")), string("Description",
                        sometimes(text("{0}"))))),),),
    name="WorkCenter", screen="AM207000", title="Work Centers", keys=("WorkCenterID",), small=3,
)  # fmt: skip

EQUIPMENT = Entity(
    "Equipment", (
        string("SerialNbr", serial("EQ-{:05d}")), string("Model", text("{0}")), decimal("Hours", long_decimal),
        instant("LastModifiedOn", modified), NOTE_ID,
    ),
    collections=(Part("Readings", Shape("EquipmentReading", (instant("ReadAt", modified), decimal("Reading",
                        amount())))),),
    name="Equipment", screen="FB301000", title="Fabrikam Equipment", keys=("SerialNbr",),
    cursors=("LastModifiedOn",),
)  # fmt: skip
OPEN_ITEMS = Entity(
    "OpenItems", (string("Customer", refer("C{:06d}")), decimal("Balance", amount()), instant("DueDate",
            sometimes(day)), string("Comment", sometimes(text("{0}")))),
    name="OpenItems", screen="GI000123", title="Open Items", stable_id=False,
)  # fmt: skip
