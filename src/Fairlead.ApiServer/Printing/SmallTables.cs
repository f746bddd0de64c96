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

    /// <summary>Kinds that show when they were created rather than their age.</summary>
    public static readonly TableLayout Created = new(
        [TablePrinter.Name, TablePrinter.Text("Created At", "When the object was created.")],
        (obj, _) => [obj.Name(), obj.Text("metadata", "creationTimestamp")]);

    public static readonly TableLayout ResourceQuotas = new(
    [
        TablePrinter.Name, TablePrinter.Text("Request", "What is used of requests and counts, and what there is."),
        TablePrinter.Text("Limit", "The same of limits."), TablePrinter.Age,
    ],
        (obj, now) => [obj.Name(), Quota(obj, limits: false), Quota(obj, limits: true), obj.Age(now)]);

    private static string Quota(JsonElement quota, bool limits) => string.Join(", ", quota.Members("status", "hard")
        .Where(hard => hard.Name.StartsWith("limits.", StringComparison.Ordinal) == limits)
        .OrderBy(hard => hard.Name, StringComparer.Ordinal)
        .Select(hard => $"{hard.Name}: {quota.Text("status", "used", hard.Name)}/{hard.Value.GetString()}"));

    public static readonly TableLayout PriorityClasses = new(
    [
        TablePrinter.Name, TablePrinter.Integer("Value", "The priority of pods of this class."),
        TablePrinter.Flag("Global-Default", "Whether pods without a class are of this one."),
        TablePrinter.Age, TablePrinter.Text("PreemptionPolicy", "Whether pods of this class may push others out."),
    ],
        (obj, now) => [obj.Name(), obj.Number("value"), obj.Flag("globalDefault"), obj.Age(now), obj.Text("preemptionPolicy")]);

    public static readonly TableLayout RuntimeClasses = new(
        [TablePrinter.Name, TablePrinter.Text("Handler", "The configuration of the node's runtime that pods of this class have."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Text("handler"), obj.Age(now)]);

    public static readonly TableLayout Leases = new(
        [TablePrinter.Name, TablePrinter.Text("Holder", "Who holds the lease."), TablePrinter.Age],
        (obj, now) => [obj.Name(), obj.Text("spec", "holderIdentity"), obj.Age(now)]);

    public static readonly TableLayout ComponentStatuses = new(
        [TablePrinter.Name, TablePrinter.Text("Status", "Whether it works."), TablePrinter.Text("Message", "What it says."), TablePrinter.Text("Error", "Why it does not.")],
        (obj, _) =>
        {
            var healthy = obj.List("conditions").FirstOrDefault(condition => condition.Text("type") == "Healthy");
            var isKnown = healthy.ValueKind == JsonValueKind.Object;
            return
            [
                obj.Name(), !isKnown ? "Unknown" : healthy.Text("status") == "True" ? "Healthy" : "Unhealthy",
                isKnown ? healthy.Text("message") ?? "" : "", isKnown ? healthy.Text("error") ?? "" : "",
            ];
        });
}
