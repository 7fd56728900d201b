"""Business keys and tables of Acumatica's own entities: descriptions do not tell them (BEHAVIOR.md, "Keys").

Each line: ``Entity (table) = key fields / Collection:line keys ...``, or ``Entity = ?`` for an inquiry form, whose
header holds parameters; a line that is indented goes on with the one above it.

The table is the one whose rows the form's records are: its DAC without ``PX.Objects.``, and in full where it lies
elsewhere. Forms share tables: all inventory documents are rows of ``IN.INRegister``. It is left out where it is not
known, and where the form's header is made up of parameters.

Of a collection only such keys stand here as number or code its rows uniquely within their record: any other would make
a destination merge lines. Other collections are keyed by position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_INQUIRY = "?"

_TABLE = """
[Default]
Account (GL.Account) = AccountCD
AccountDetailsForPeriodInquiry = ?
AccountGroup (PM.PMAccountGroup) = AccountGroupID
AccountSummaryInquiry = ?
Activity (CR.CRActivity) = NoteID
AmazonStore (PX.Commerce.Core.BCBinding) = BindingName
Appointment (FS.FSAppointment) = ServiceOrderType AppointmentNbr / Details:LineNbr Logs:LineNbr Staff:LineNbr
AttributeDefinition (CS.CSAttribute) = AttributeID / Values:ValueID
BigCommerceStores (PX.Commerce.Core.BCBinding) = Connector StoreName
Bill (AP.APInvoice) = Type ReferenceNbr
Budget = ?
BusinessAccount (CR.BAccount) = BusinessAccountID / Contacts:ContactID Locations:LocationID
Carrier (CS.CarrierPlugin) = CarrierID
Case (CR.CRCase) = CaseID
CashSale (AR.Standalone.ARCashSale) = Type ReferenceNbr
CashTransaction (CA.CAAdj)
ChangeOrder (PM.PMChangeOrder) = RefNbr
ChangeOrderClass (PM.PMChangeOrderClass) = ClassID
Check (AP.APPayment) = Type ReferenceNbr
CompaniesStructure = ?
CompanyFinancialPeriod (GL.FinPeriods.OrganizationFinYear) = Company FinancialYear
Contact (CR.Contact) = ContactID
ContractUsage = ?
CostCode (PM.PMCostCode) = CostCodeID
Currency (CM.CurrencyList) = CurrencyID
Customer (AR.Customer) = CustomerID / Salespersons:LocationID+SalespersonID
CustomerClass (AR.CustomerClass) = ClassID
CustomerLocation (CR.Location) = Customer LocationID
CustomerPaymentMethod (AR.CustomerPaymentMethod) = CustomerID InstanceID / Details:Name
CustomerPriceClass (AR.ARPriceClass) = PriceClassID
DeductionBenefitCode (PR.PRDeductCode) = DeductionBenefitCodeID
Discount (AR.DiscountSequence) = DiscountCode Sequence / Customers:CustomerID Items:InventoryID Warehouses:Warehouse
DiscountCode (AR.ARDiscount) = DiscountCodeID
EarningTypeCode (EP.EPEarningType) = EarningTypeCodeID
Email (CR.CRSMEmail) = NoteID
EmailProcessing = ?
Employee (EP.EPEmployee) = EmployeeID
EmployeePayrollClass (PR.PREmployeeClass) = EmployeePayrollClassID
EmployeePayrollSettings (PR.PREmployee) = EmployeeID
Event (CR.CRActivity) = NoteID
ExpenseClaim (EP.EPExpenseClaim) = RefNbr
ExpenseReceipt (EP.EPExpenseClaimDetails) = ReceiptID
ExternalCommitment (PM.PMCommitment)
FOBPoint (CS.FOBPoint) = FOBPointID
FinancialPeriod (GL.FinPeriods.MasterFinYear) = FinancialYear
FinancialYear (GL.FinYearSetup) = / Details:PeriodNbr
InventoryAdjustment (IN.INRegister) = ReferenceNbr
InventoryAllocationInquiry = ?
InventoryIssue (IN.INRegister) = ReferenceNbr
InventoryQuantityAvailable = ?
InventoryReceipt (IN.INRegister) = ReferenceNbr
InventorySummaryInquiry = ?
Invoice (AR.ARInvoice) = Type ReferenceNbr
ItemClass (IN.INItemClass) = ClassID / Attributes:AttributeID
ItemSalesCategory (IN.INCategory) = CategoryID / Members:InventoryID
ItemWarehouse (IN.INItemSite) = InventoryID WarehouseID
JournalTransaction (GL.Batch) = Module BatchNbr / Details:LineNbr
KitAssembly (IN.INKitRegister) = Type ReferenceNbr
KitSpecification (IN.INKitSpecHdr) = KitInventoryID RevisionID
LaborCostRate = ?
Lead (CR.CRLead) = LeadID
Ledger (GL.Ledger) = LedgerID / Branches:BranchID Companies:Company
LotSerialClass (IN.INLotSerClass) = ClassID / Segments:SegmentNbr
NonStockItem (IN.InventoryItem) = InventoryID / SalesCategories:CategoryID
Opportunity (CR.CROpportunity) = OpportunityID / Products:OpportunityProductID Discounts:LineNbr
PTOBank (PR.PRPTOBank) = PTOBankID
PayGroup (PR.PRPayGroup) = PayGroupID
PayPeriod (PR.PRPayGroupYear) = PayGroup Year / PaymentPeriods:PayPeriodID
Payment (AR.ARPayment) = Type ReferenceNbr
PaymentMethod (CA.PaymentMethod) = PaymentMethodID / AllowedCashAccounts:CashAccount ProcessingCenters:ProcCenterID
PayrollBatch (PR.PRBatch) = BatchID
PayrollUnionLocal (PM.PMUnion) = PayrollUnionLocalID
PayrollWCCCode = ?
PhysicalInventoryCount = ?
PhysicalInventoryReview (IN.INPIHeader) = ReferenceNbr / Details:LineNbr
ProFormaInvoice (PM.PMProforma) = RefNbr
Project (PM.PMProject) = ProjectID / UnionLocals:UnionLocalID
ProjectBudget (PM.PMBudget) = ProjectID ProjectTaskID CostCode AccountGroup InventoryID
ProjectTask (PM.PMTask) = ProjectID ProjectTaskID
ProjectTemplate (PM.PMProject) = ProjectTemplateID
ProjectTemplateTask (PM.PMTask) = ProjectTemplateID ProjectTemplateTaskID
ProjectTransaction (PM.PMRegister) = Module ReferenceNbr
PurchaseOrder (PO.POOrder) = Type OrderNbr / Details:LineNbr
PurchaseReceipt (PO.POReceipt) = Type ReceiptNbr / Details:LineNbr
SalesInvoice (AR.ARInvoice) = Type ReferenceNbr / Details:LineNbr
SalesOrder (SO.SOOrder) = OrderType OrderNbr / Details:LineNbr
SalesPriceWorksheet (AR.ARPriceWorksheet) = ReferenceNbr
SalesPricesInquiry = ?
Salesperson (AR.SalesPerson) = SalespersonID
ServiceOrder (FS.FSServiceOrder) = ServiceOrderType ServiceOrderNbr / DefaultStaff:LineNbr Details:LineNbr
ShipVia (CS.Carrier) = CarrierID / Packages:BoxID
Shipment (SO.SOShipment) = ShipmentNbr / Details:LineNbr
ShippingBox (CS.CSBox) = BoxID
ShippingTerm (CS.ShipTerms) = TermID
ShippingZones (CS.ShippingZone) = ZoneID
ShopifyStore (PX.Commerce.Core.BCBinding) = Connector StoreName
StockItem (IN.InventoryItem) = InventoryID / Boxes:BoxID WarehouseDetails:WarehouseID
StorageDetailsByLocationInquiry = ?
StorageDetailsInquiry = ?
Subaccount (GL.Sub) = SubaccountCD
Subcontract (PO.POOrder)
Task (CR.CRActivity) = NoteID
Tax (TX.Tax) = TaxID / Zones:TaxZoneID
TaxCategory (TX.TaxCategory) = TaxCategoryID / Details:TaxID
TaxReportingSettings (TX.TaxReport) = TaxAgency
TaxZone (TX.TaxZone) = TaxZoneID
TemplateItems (IN.InventoryItem) = InventoryID
TimeEntry (CR.PMTimeActivity) = TimeEntryID
TransferOrder (IN.INRegister) = ReferenceNbr / Details:LineNbr
UnionLocal (PM.PMUnion) = UnionLocalID
Vendor (AP.VendorR) = VendorID
VendorClass (AP.VendorClass) = ClassID
VendorPriceWorksheet (AP.APPriceWorksheet) = ReferenceNbr
VendorPricesInquiry = ?
Warehouse (IN.INSite) = WarehouseID / Locations:LocationID
WorkCalendar (CS.CSCalendar) = WorkCalendarID / CalendarExceptions:Date
WorkClassCompensationCode (PM.PMWorkCode) = WCCCode
WorkLocation (PR.PRLocation) = WorkLocationID
[MANUFACTURING]
BillOfMaterial (AM.AMBomItem) = BOMID Revision / Operations:OperationNbr
BomAttributes (AM.AMBomItem) = BOMID Revision / Attributes:LineNbr
CapableToPromise = ?
CloseProductionOrders = ?
ConfigurationEntry (AM.AMConfigurationResults) = ConfigResultsID / Attributes:AttributeLineNbr Features:FeatureLineNbr
ConfigurationFeature (AM.AMFeature) = FeatureID /
    ConfigurationFeatureAttribute:LineNbr ConfigurationFeatureOption:LineNbr
ConfigurationMaintenance (AM.AMConfiguration) = ConfigurationID Revision / ConfigAttributes:LineNbr Features:LineNbr
CostRoll = ?
CostRollHistory (AM.AMBomCostHistory)
CostTransaction (AM.AMBatch) = BatchNbr / Details:LineNbr
CreateProductionOrder = ?
CriticalMaterials = ?
DisassemblyEntry (AM.AMDisassembleBatch) = BatchNbr / Attributes:LineNbr Material:LineNbr
EngineeringChangeOrder (AM.AMECOItem) = ECOID / Operations:OperationID Attributes:LineNbr
EngineeringChangeRequest (AM.AMECRItem) = ECRID / Operations:OperationID Attributes:LineNbr
Estimate (AM.AMEstimateItem) = EstimateID Revision / Operation:OperationID
EstimateClass (AM.AMEstimateClass) = ClassID
EstimateOperation (AM.AMEstimateOper) = EstimateID Revision OperationNbr /
    Material:LineNbr Overheads:LineNbr Steps:LineNbr Tools:LineNbr
EstimatePreferences (AM.AMEstimateSetup)
Forecast (AM.AMForecast) = ForecastID
ItemWhereUsedInquiry = ?
LaborCodes (AM.AMLaborCode) = LaborCode
LaborEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
LateAssignment (AM.AMProdItemSplitPreassign) = OrderType ProductionNbr LotSerialNbr
MPSType (AM.AMMPSType) = TypeID
MRPBuckets (AM.AMMRPBucket) = BucketID / Details:Bucket
MRPDetailInquiry = ?
MRPDisplay (AM.AMRPDetail) = RecordID
MRPException (AM.AMRPExceptions) = RecordID
MRPRequirementsByItem = ?
Machine = MachineID
MasterProductionSchedule (AM.AMMPS) = Type MPSID
MaterialEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
MoveEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
OrderTypes = OrderType / Attributes:LineNbr
Overhead (AM.AMOverhead) = OverheadID
ProductionAttributes = ?
ProductionOrder (AM.AMProdItem) = OrderType ProductionNbr / EventHistory:EventLineNumber OrderAttributes:LineNbr
ProductionOrderDetail (AM.AMProdItem) = OrderType ProductionNbr / Operations:OperationNbr
RegenerateMRP (AM.MrpProcessingSetup)
ReleaseProductionOrders (AM.AMProdItem) = OrderType ProductionNbr
RoughCutPlanning = ?
Shift (EP.EPShiftCode) = Shift
Tool (AM.AMToolMstCurySettings) = ToolID
VendorShipment (AM.AMVendorShipment) = ShipmentID / Details:LineNbr
WipAdjustmentEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
WorkCenter (AM.AMWC) = WorkCenterID / Machines:MachineID
WorkCenterCrewSchedule = ?
[eCommerce]
BCItemSalesCategory (IN.INCategory) = CategoryID
"""


@dataclass(frozen=True)
class Known:
    """What is known of an entity beyond its description."""

    keys: tuple[str, ...] = ()
    is_inquiry: bool = False
    line_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dac: str = ""
    """The full name of the table behind the form."""


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
    for line in _TABLE.replace("\n    ", " ").split("\n"):
        if line.startswith("["):
            endpoint = line.strip("[]")
        elif line:
            head, _, facts = line.partition(" = ")
            entity, _, dac = head.rstrip(")").partition(" (")
            table[endpoint, entity] = _known(facts, _full_name(dac))
    return table


def _known(facts: str, dac: str) -> Known:
    keys, _, lines = facts.partition("/")
    if keys.strip() == _INQUIRY:
        return Known(is_inquiry=True)
    collections = (entry.split(":") for entry in lines.split())
    return Known(tuple(keys.split()), line_keys={name: tuple(of.split("+")) for name, of in collections}, dac=dac)


def _full_name(dac: str) -> str:
    return dac if not dac or dac.startswith("PX.") else f"PX.Objects.{dac}"
