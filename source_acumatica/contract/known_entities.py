"""Business keys and tables of Acumatica's own entities: descriptions do not name them (BEHAVIOR.md, "Keys").

Each line: ``Entity (table) = key fields / Collection:line keys ...``; an indented line continues the one
above it. Key fields behind ``|`` are those of other versions of the endpoint, and ``1`` stands for none: there is one
record in each tenant. ``Entity = ? Collection ... / Parameter ...`` is an inquiry form, with its results and with
parameters that its header has in every version: to those, and to what the settings name, ``PUT`` is sent, so nothing
stands here that is not known to be one.

The table is the one whose rows the form's records are: its DAC without ``PX.Objects.``, and in full where it lies
elsewhere. Forms share tables: all inventory documents are rows of ``IN.INRegister``. It is left out where it is not
known, and where the form's header is made up of parameters.

Of a collection, only keys that are unique within their record stand here: any other would make a destination merge
lines. Other collections are keyed by position.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

_INQUIRY = "?"
_SINGLE = "1"

_TABLE = """
[Default]
Account (GL.Account) = AccountCD
AccountDetailsForPeriodInquiry = ? Results / FromPeriod Ledger ToPeriod
AccountGroup (PM.PMAccountGroup) = AccountGroupID
AccountSummaryInquiry = ? Results / Branch Ledger Period Subaccount
Activity (CR.CRActivity) = NoteID
AmazonStore (PX.Commerce.Core.BCBinding) = BindingName
Appointment (FS.FSAppointment) = ServiceOrderType AppointmentNbr / Details:LineNbr Logs:LineNbr Staff:LineNbr
AttributeDefinition (CS.CSAttribute) = AttributeID / Values:ValueID
BigCommerceStores (PX.Commerce.Core.BCBinding) = Connector StoreName
BankStatement (CA.CABankTranHeader)
Bill (AP.APInvoice) = Type ReferenceNbr
Budget = ? Details / Branch ComparetoBranch ComparetoLedger ComparetoYear FinancialYear Ledger
BusinessAccount (CR.BAccount) = BusinessAccountID / Contacts:ContactID Locations:LocationID
Carrier (CS.CarrierPlugin) = CarrierID
Case (CR.CRCase) = CaseID
CashPurchase (AP.Standalone.APQuickCheck) = Type ReferenceNbr
CashSale (AR.Standalone.ARCashSale) = Type ReferenceNbr
CashTransaction (CA.CAAdj)
ChangeOrder (PM.PMChangeOrder) = RefNbr
ChangeOrderClass (PM.PMChangeOrderClass) = ClassID
ChangeRequest (PM.PMChangeRequest) = ChangeRequestNbr
Check (AP.APPayment) = Type ReferenceNbr
CompaniesStructure = ? Results
CompanyFinancialPeriod (GL.FinPeriods.OrganizationFinYear) = Company FinancialYear
Contact (CR.Contact) = ContactID
ContractUsage = ? BilledTransactions UnbilledTransactions / ContractID PostPeriod
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
EmailProcessing = ? Result / AccountEmailAccountID AssignedToMe IncludeFailed Type
Employee (EP.EPEmployee) = EmployeeID
EmployeePayrollClass (PR.PREmployeeClass) = EmployeePayrollClassID
EmployeePayrollSettings (PR.PREmployee) = EmployeeID
Event (CR.CRActivity) = NoteID
ExpenseClaim (EP.EPExpenseClaim) = RefNbr
ExpenseReceipt (EP.EPExpenseClaimDetails) = ReceiptID
ExternalCommitment (PM.PMCommitment)
FOBPoint (CS.FOBPoint) = FOBPointID
FinancialPeriod (GL.FinPeriods.MasterFinYear) = FinancialYear
FinancialYear (GL.FinYearSetup) = 1 / Details:PeriodNbr
InventoryAdjustment (IN.INRegister) = ReferenceNbr
InventoryAllocationInquiry = ? Results / InventoryID OnHand TotalAddition TotalDeduction WarehouseID
InventoryIssue (IN.INRegister) = ReferenceNbr
InventoryQuantityAvailable = ? Results / InventoryID LastModifiedDateTime
InventoryReceipt (IN.INRegister) = ReferenceNbr
InventorySummaryInquiry = ? Results / InventoryID WarehouseID
Invoice (AR.ARInvoice) = Type ReferenceNbr
ItemClass (IN.INItemClass) = ClassID / Attributes:AttributeID
ItemSalesCategory (IN.INCategory) = CategoryID / Members:InventoryID
ItemWarehouse (IN.INItemSite) = InventoryID WarehouseID
JournalTransaction (GL.Batch) = Module BatchNbr / Details:LineNbr
KitAssembly (IN.INKitRegister) = Type ReferenceNbr
KitSpecification (IN.INKitSpecHdr) = KitInventoryID RevisionID
LaborCostRate = ? Results / EffectiveDate LaborItem LaborRateType UnionLocal
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
PayrollWCCCode = ? WCCCodes / Country
PhysicalInventoryCount = ?
PhysicalInventoryReview (IN.INPIHeader) = ReferenceNbr / Details:LineNbr
ProFormaInvoice (PM.PMProforma) = RefNbr
Project (PM.PMProject) = ProjectID / UnionLocals:UnionLocalID
ProjectBudget (PM.PMBudget) = ProjectID ProjectTaskID CostCode AccountGroup InventoryID
ProjectMaterials = Project
ProjectTask (PM.PMTask) = ProjectID ProjectTaskID
ProjectTemplate (PM.PMProject) = ProjectTemplateID
ProjectTemplateTask (PM.PMTask) = ProjectTemplateID ProjectTemplateTaskID
ProjectTransaction (PM.PMRegister) = Module ReferenceNbr
PurchaseOrder (PO.POOrder) = Type OrderNbr / Details:LineNbr
PurchaseReceipt (PO.POReceipt) = Type ReceiptNbr / Details:LineNbr
SalesInvoice (AR.ARInvoice) = Type ReferenceNbr / Details:LineNbr
SalesOrder (SO.SOOrder) = OrderType OrderNbr / Details:LineNbr
SalesPriceWorksheet (AR.ARPriceWorksheet) = ReferenceNbr
SalesPricesInquiry = ? SalesPriceDetails / EffectiveAsOf InventoryID PriceCode PriceType
Salesperson (AR.SalesPerson) = SalespersonID
SalesTerritory = SalesTerritoryID / Countries:CountryID
ServiceLocation = ServiceLocationID
ServiceOrder (FS.FSServiceOrder) = ServiceOrderType ServiceOrderNbr / DefaultStaff:LineNbr Details:LineNbr
ShipVia (CS.Carrier) = CarrierID / Packages:BoxID
Shipment (SO.SOShipment) = ShipmentNbr / Details:LineNbr
ShippingBox (CS.CSBox) = BoxID
ShippingTerm (CS.ShipTerms) = TermID
ShippingZones (CS.ShippingZone) = ZoneID
ShopifyStore (PX.Commerce.Core.BCBinding) = Connector StoreName
StatementCycle = CycleID
StockItem (IN.InventoryItem) = InventoryID / Boxes:BoxID WarehouseDetails:WarehouseID
StorageDetailsByLocationInquiry = ? StorageDetailsByLocation / SplitByLocation WarehouseID
StorageDetailsInquiry = ? StorageDetails / WarehouseID
Subaccount (GL.Sub) = SubaccountCD
Subcontract (PO.POOrder) = SubcontractNbr / Details:LineNbr
Task (CR.CRActivity) = NoteID
Tax (TX.Tax) = TaxID / Zones:TaxZoneID
TaxCategory (TX.TaxCategory) = TaxCategoryID / Details:TaxID
TaxReportingSettings (TX.TaxReport) = TaxAgency
TaxZone (TX.TaxZone) = TaxZoneID
TemplateItems (IN.InventoryItem) = InventoryID
TimeEntry (CR.PMTimeActivity) = TimeEntryID
TransferOrder (IN.INRegister) = ReferenceNbr / Details:LineNbr
TrialBalance = ImportNbr
UnitsOfMeasure = UnitID | FromUOM ToUOM / Conversion:ToUOM
UnionLocal (PM.PMUnion) = UnionLocalID
Vendor (AP.VendorR) = VendorID
VendorClass (AP.VendorClass) = ClassID
VendorPriceWorksheet (AP.APPriceWorksheet) = ReferenceNbr
VendorPricesInquiry = ? VendorPriceDetails / InventoryID ItemClass Vendor
Warehouse (IN.INSite) = WarehouseID / Locations:LocationID
WorkCalendar (CS.CSCalendar) = WorkCalendarID / CalendarExceptions:Date
WorkClassCompensationCode (PM.PMWorkCode) = WCCCode
WorkEvent = WorkEventNbr | WorkEventID
WorkLocation (PR.PRLocation) = WorkLocationID
WorkOrder = WorkOrderNbr | WorkOrderID
WorkTask = TaskID
WorkTicket = TicketNbr
[MANUFACTURING]
BillOfMaterial (AM.AMBomItem) = BOMID Revision / Operations:OperationNbr
BomPreferences = 1
BomAttributes (AM.AMBomItem) = BOMID Revision / Attributes:LineNbr
CapableToPromise = ? Details
ConfigurationEntry (AM.AMConfigurationResults) = ConfigResultsID / Attributes:AttributeLineNbr Features:FeatureLineNbr
ConfigurationFeature (AM.AMFeature) = FeatureID /
    ConfigurationFeatureAttribute:LineNbr ConfigurationFeatureOption:LineNbr
ConfiguratorPreferences = 1
ConfigurationMaintenance (AM.AMConfiguration) = ConfigurationID Revision / ConfigAttributes:LineNbr Features:LineNbr
CostRollHistory (AM.AMBomCostHistory) = BOMID Revision StartDate
CostTransaction (AM.AMBatch) = BatchNbr / Details:LineNbr
CreateProductionOrder = ? Documents
CriticalMaterials = ? Detail
DisassemblyEntry (AM.AMDisassembleBatch) = BatchNbr / Attributes:LineNbr Material:LineNbr
EngineeringChangeOrder (AM.AMECOItem) = ECOID / Operations:OperationID Attributes:LineNbr
EngineeringChangeRequest (AM.AMECRItem) = ECRID / Operations:OperationID Attributes:LineNbr
Estimate (AM.AMEstimateItem) = EstimateID Revision / Operation:OperationID
EstimateClass (AM.AMEstimateClass) = ClassID
EstimateOperation (AM.AMEstimateOper) = EstimateID Revision OperationNbr /
    Material:LineNbr Overheads:LineNbr Steps:LineNbr Tools:LineNbr
EstimatePreferences (AM.AMEstimateSetup) = 1
Forecast (AM.AMForecast) = ForecastID
ItemWhereUsedInquiry = ? Results
LaborCodes (AM.AMLaborCode) = LaborCode
LaborEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
LateAssignment (AM.AMProdItemSplitPreassign) = OrderType ProductionNbr LotSerialNbr
MPSType (AM.AMMPSType) = TypeID
MRPBuckets (AM.AMMRPBucket) = BucketID / Details:Bucket
MRPDetailInquiry = ? Results
MRPDisplay (AM.AMRPDetail) = RecordID
MRPException (AM.AMRPExceptions) = RecordID
MRPPreferences = 1
MRPRequirementsByItem = ? Detail
Machine = MachineID
MasterProductionSchedule (AM.AMMPS) = Type MPSID
MaterialEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
MoveEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
OrderTypes = OrderType / Attributes:LineNbr
Overhead (AM.AMOverhead) = OverheadID
ProductionAttributes = ? Detail
ProductionOrder (AM.AMProdItem) = OrderType ProductionNbr / EventHistory:EventLineNumber OrderAttributes:LineNbr
ProductionOrderDetail (AM.AMProdItem) = OrderType ProductionNbr / Operations:OperationNbr
RegenerateMRP (AM.MrpProcessingSetup) = 1
ProductionPreferences = 1
ReleaseProductionOrders (AM.AMProdItem) = OrderType ProductionNbr
RoughCutPlanning = ? Detail
Shift (EP.EPShiftCode) = Shift
Tool (AM.AMToolMstCurySettings) = ToolID
VendorShipment (AM.AMVendorShipment) = ShipmentID / Details:LineNbr
WipAdjustmentEntry (AM.AMBatch) = BatchNbr / Details:LineNbr
WorkCenter (AM.AMWC) = WorkCenterID / Machines:MachineID
WorkCenterCrewSchedule = ? Details
[eCommerce]
BCItemSalesCategory (IN.INCategory) = CategoryID
BCShipments = ?
StorageDetails = ?
[GLConsolidation]
Branch = BranchCD LedgerCD
ConsolAccount = AccountCD
ConsolidationData = ? Result
Ledger = LedgerCD
Organization = OrganizationCD LedgerCD
[DeviceHub]
PrintJobs = ? Jobs
Printer = DeviceHub PrinterName
ScanJobs = ScanJobID
Scanner = DeviceHub ScannerName
[ISVCB]
ISVSolution = SolutionCode
"""


@dataclass(frozen=True)
class Known:
    """What is known of an entity beyond its description."""

    keys: tuple[str, ...] = ()
    is_inquiry: bool = False
    results: frozenset[str] = frozenset()
    """Of an inquiry form: its collections, where they are known."""
    parameters: frozenset[str] = frozenset()
    """Of an inquiry form: fields that its header has in every version."""
    other_keys: tuple[tuple[str, ...], ...] = ()
    """What identifies the records in other versions of the endpoint."""
    is_single: bool = False
    """Whether each tenant has one record of it."""
    line_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dac: str = ""
    """The full name of the table behind the form."""

    def is_seen_in(self, fields: Collection[str], collections: Collection[str]) -> bool:
        """Whether an entity of this name is the known form: it has all of its parameters, and only its results.

        The name alone proves nothing: documents have such names, too, like budgets with details. A form without
        parameters is not recognized.
        """
        shown = frozenset(collections)
        return bool(self.parameters and shown) and self.parameters <= frozenset(fields) and shown <= self.results


_NOTHING = Known()
_EXTENDED = "Default"


def is_known(endpoint: str, entity: str) -> bool:
    """Whether the entity is one of Acumatica's own."""
    return (endpoint, entity) in _parsed()


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
    if keys.startswith(_INQUIRY):
        results = frozenset(keys.removeprefix(_INQUIRY).split())
        return Known(is_inquiry=True, results=results, parameters=frozenset(lines.split()))
    if keys.strip() == _SINGLE:
        return Known(is_single=True, line_keys=_line_keys(lines), dac=dac)
    first, *others = (tuple(each.split()) for each in keys.split("|"))
    return Known(first, line_keys=_line_keys(lines), dac=dac, other_keys=tuple(others))


def _line_keys(lines: str) -> Mapping[str, tuple[str, ...]]:
    collections = (entry.split(":") for entry in lines.split())
    return {name: tuple(of.split("+")) for name, of in collections}


def _full_name(dac: str) -> str:
    return dac if not dac or dac.startswith("PX.") else f"PX.Objects.{dac}"
