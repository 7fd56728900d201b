"""Business keys of Acumatica's own entities: descriptions do not tell them (BEHAVIOR.md, "Keys").

Each line: ``Entity = key fields / Collection:line keys ...``, or ``Entity = ?`` for an inquiry form, whose header
holds parameters. Of a collection only such keys stand here as number or code its rows uniquely within their record:
any other would make a destination merge lines. Other collections are keyed by position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_INQUIRY = "?"

_TABLE = """
[Default]
Account = AccountCD
AccountDetailsForPeriodInquiry = ?
AccountGroup = AccountGroupID
AccountSummaryInquiry = ?
Activity = NoteID
AmazonStore = BindingName
Appointment = ServiceOrderType AppointmentNbr / Details:LineNbr Logs:LineNbr Staff:LineNbr
AttributeDefinition = AttributeID / Values:ValueID
BigCommerceStores = Connector StoreName
Bill = Type ReferenceNbr
Budget = ?
BusinessAccount = BusinessAccountID / Contacts:ContactID Locations:LocationID
Carrier = CarrierID
Case = CaseID
CashSale = Type ReferenceNbr
ChangeOrder = RefNbr
ChangeOrderClass = ClassID
Check = Type ReferenceNbr
CompaniesStructure = ?
CompanyFinancialPeriod = Company FinancialYear
Contact = ContactID
ContractUsage = ?
CostCode = CostCodeID
Currency = CurrencyID
Customer = CustomerID / Salespersons:LocationID+SalespersonID
CustomerClass = ClassID
CustomerLocation = Customer LocationID
CustomerPaymentMethod = CustomerID InstanceID / Details:Name
CustomerPriceClass = PriceClassID
DeductionBenefitCode = DeductionBenefitCodeID
Discount = DiscountCode Sequence / Customers:CustomerID Items:InventoryID Warehouses:Warehouse
DiscountCode = DiscountCodeID
EarningTypeCode = EarningTypeCodeID
Email = NoteID
EmailProcessing = ?
Employee = EmployeeID
EmployeePayrollClass = EmployeePayrollClassID
EmployeePayrollSettings = EmployeeID
Event = NoteID
ExpenseClaim = RefNbr
ExpenseReceipt = ReceiptID
FOBPoint = FOBPointID
FinancialPeriod = FinancialYear
FinancialYear = / Details:PeriodNbr
InventoryAdjustment = ReferenceNbr
InventoryAllocationInquiry = ?
InventoryIssue = ReferenceNbr
InventoryQuantityAvailable = ?
InventoryReceipt = ReferenceNbr
InventorySummaryInquiry = ?
Invoice = Type ReferenceNbr
ItemClass = ClassID / Attributes:AttributeID
ItemSalesCategory = CategoryID / Members:InventoryID
ItemWarehouse = InventoryID WarehouseID
JournalTransaction = Module BatchNbr / Details:LineNbr
KitAssembly = Type ReferenceNbr
KitSpecification = KitInventoryID RevisionID
LaborCostRate = ?
Lead = LeadID
Ledger = LedgerID / Branches:BranchID Companies:Company
LotSerialClass = ClassID / Segments:SegmentNbr
NonStockItem = InventoryID / SalesCategories:CategoryID
Opportunity = OpportunityID / Products:OpportunityProductID Discounts:LineNbr
PTOBank = PTOBankID
PayGroup = PayGroupID
PayPeriod = PayGroup Year / PaymentPeriods:PayPeriodID
Payment = Type ReferenceNbr
PaymentMethod = PaymentMethodID / AllowedCashAccounts:CashAccount ProcessingCenters:ProcCenterID
PayrollBatch = BatchID
PayrollUnionLocal = PayrollUnionLocalID
PayrollWCCCode = ?
PhysicalInventoryCount = ?
PhysicalInventoryReview = ReferenceNbr / Details:LineNbr
ProFormaInvoice = RefNbr
Project = ProjectID / UnionLocals:UnionLocalID
ProjectBudget = ProjectID ProjectTaskID CostCode AccountGroup InventoryID
ProjectTask = ProjectID ProjectTaskID
ProjectTemplate = ProjectTemplateID
ProjectTemplateTask = ProjectTemplateID ProjectTemplateTaskID
ProjectTransaction = Module ReferenceNbr
PurchaseOrder = Type OrderNbr / Details:LineNbr
PurchaseReceipt = Type ReceiptNbr / Details:LineNbr
SalesInvoice = Type ReferenceNbr / Details:LineNbr
SalesOrder = OrderType OrderNbr / Details:LineNbr
SalesPriceWorksheet = ReferenceNbr
SalesPricesInquiry = ?
Salesperson = SalespersonID
ServiceOrder = ServiceOrderType ServiceOrderNbr / DefaultStaff:LineNbr Details:LineNbr
ShipVia = CarrierID / Packages:BoxID
Shipment = ShipmentNbr / Details:LineNbr
ShippingBox = BoxID
ShippingTerm = TermID
ShippingZones = ZoneID
ShopifyStore = Connector StoreName
StockItem = InventoryID / Boxes:BoxID WarehouseDetails:WarehouseID
StorageDetailsByLocationInquiry = ?
StorageDetailsInquiry = ?
Subaccount = SubaccountCD
Task = NoteID
Tax = TaxID / Zones:TaxZoneID
TaxCategory = TaxCategoryID / Details:TaxID
TaxReportingSettings = TaxAgency
TaxZone = TaxZoneID
TemplateItems = InventoryID
TimeEntry = TimeEntryID
TransferOrder = ReferenceNbr / Details:LineNbr
UnionLocal = UnionLocalID
Vendor = VendorID
VendorClass = ClassID
VendorPriceWorksheet = ReferenceNbr
VendorPricesInquiry = ?
Warehouse = WarehouseID / Locations:LocationID
WorkCalendar = WorkCalendarID / CalendarExceptions:Date
WorkClassCompensationCode = WCCCode
WorkLocation = WorkLocationID
[MANUFACTURING]
BillOfMaterial = BOMID Revision / Operations:OperationNbr
BomAttributes = BOMID Revision / Attributes:LineNbr
CapableToPromise = ?
CloseProductionOrders = ?
ConfigurationEntry = ConfigResultsID / Attributes:AttributeLineNbr Features:FeatureLineNbr
ConfigurationFeature = FeatureID / ConfigurationFeatureAttribute:LineNbr ConfigurationFeatureOption:LineNbr
ConfigurationMaintenance = ConfigurationID Revision / ConfigAttributes:LineNbr Features:LineNbr
CostRoll = ?
CostTransaction = BatchNbr / Details:LineNbr
CreateProductionOrder = ?
CriticalMaterials = ?
DisassemblyEntry = BatchNbr / Attributes:LineNbr Material:LineNbr
EngineeringChangeOrder = ECOID / Operations:OperationID Attributes:LineNbr
EngineeringChangeRequest = ECRID / Operations:OperationID Attributes:LineNbr
Estimate = EstimateID Revision / Operation:OperationID
EstimateClass = ClassID
EstimateOperation = EstimateID Revision OperationNbr / Material:LineNbr Overheads:LineNbr Steps:LineNbr Tools:LineNbr
Forecast = ForecastID
ItemWhereUsedInquiry = ?
LaborCodes = LaborCode
LaborEntry = BatchNbr / Details:LineNbr
LateAssignment = OrderType ProductionNbr LotSerialNbr
MPSType = TypeID
MRPBuckets = BucketID / Details:Bucket
MRPDetailInquiry = ?
MRPDisplay = RecordID
MRPException = RecordID
MRPRequirementsByItem = ?
Machine = MachineID
MasterProductionSchedule = Type MPSID
MaterialEntry = BatchNbr / Details:LineNbr
MoveEntry = BatchNbr / Details:LineNbr
OrderTypes = OrderType / Attributes:LineNbr
Overhead = OverheadID
ProductionAttributes = ?
ProductionOrder = OrderType ProductionNbr / EventHistory:EventLineNumber OrderAttributes:LineNbr
ProductionOrderDetail = OrderType ProductionNbr / Operations:OperationNbr
ReleaseProductionOrders = OrderType ProductionNbr
RoughCutPlanning = ?
Shift = Shift
Tool = ToolID
VendorShipment = ShipmentID / Details:LineNbr
WipAdjustmentEntry = BatchNbr / Details:LineNbr
WorkCenter = WorkCenterID / Machines:MachineID
WorkCenterCrewSchedule = ?
[eCommerce]
BCItemSalesCategory = CategoryID
"""


@dataclass(frozen=True)
class Known:
    """What is known of an entity beyond its description."""

    keys: tuple[str, ...] = ()
    is_inquiry: bool = False
    line_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_NOTHING = Known()
_EXTENDED = "Default"


def known(endpoint: str, entity: str) -> Known:
    """What is known of ``entity``; a customer's endpoint that extends ``Default`` keeps the names of its entities."""
    table = _parsed()
    return table.get((endpoint, entity)) or table.get((_EXTENDED, entity)) or _NOTHING


@cache
def _parsed() -> Mapping[tuple[str, str], Known]:
    table: dict[tuple[str, str], Known] = {}
    endpoint = ""
    for line in _TABLE.split("\n"):
        if line.startswith("["):
            endpoint = line.strip("[]")
        elif line:
            entity, facts = line.split(" = ")
            table[endpoint, entity] = _known(facts)
    return table


def _known(facts: str) -> Known:
    keys, _, lines = facts.partition("/")
    if keys.strip() == _INQUIRY:
        return Known(is_inquiry=True)
    collections = (entry.split(":") for entry in lines.split())
    return Known(tuple(keys.split()), line_keys={name: tuple(of.split("+")) for name, of in collections})
