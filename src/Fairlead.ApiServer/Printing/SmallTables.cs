using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Tables of kinds with one telling field or two.</summary>
internal static class SmallTables
{
    public static readonly TableLayout Namespaces = new(
        [TablePrinter.Name, TablePrinter.Text("Status", "Whether the namespace is in use or being deleted."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Text("status", "phase"), obj.Age(now)]);

    public static readonly TableLayout ConfigMaps = new(
        [TablePrinter.Name, TablePrinter.Text("Data", "Number of entries, text and binary."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Members("data").Count() + obj.Members("binaryData").Count(), obj.Age(now)]);

    public static readonly TableLayout Secrets = new(
        [TablePrinter.Name, TablePrinter.Text("Type", "What the secret is for."), TablePrinter.Text("Data", "Number of entries."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Text("type"), obj.Members("data").Count(), obj.Age(now)]);

    public static readonly TableLayout ServiceAccounts = new(
        [TablePrinter.Name, TablePrinter.Text("Secrets", "Number of secrets that pods of this account may use."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.List("secrets").Count(), obj.Age(now)]);

    public static readonly TableLayout Leases = new(
        [TablePrinter.Name, TablePrinter.Text("Holder", "Who holds the lease."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Text("spec", "holderIdentity"), obj.Age(now)]);
}
