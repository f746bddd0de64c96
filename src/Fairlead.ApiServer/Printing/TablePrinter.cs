using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>The printed tables of all kinds; a kind without one of its own shows name and age.</summary>
internal static class TablePrinter
{
    private static readonly Dictionary<(string Group, string Plural), TableLayout> Layouts = new()
    {
        [("", "namespaces")] = SmallTables.Namespaces,
        [("", "configmaps")] = SmallTables.ConfigMaps,
        [("", "secrets")] = SmallTables.Secrets,
        [("", "serviceaccounts")] = SmallTables.ServiceAccounts,
        [("coordination.k8s.io", "leases")] = SmallTables.Leases,
        [("", "pods")] = PodTable.Layout,
        [("", "replicationcontrollers")] = WorkloadTables.ReplicationControllers,
        [("apps", "replicasets")] = WorkloadTables.ReplicaSets,
        [("apps", "deployments")] = WorkloadTables.Deployments,
        [("", "services")] = ServiceTables.Services,
        [("", "endpoints")] = ServiceTables.Endpoints,
        [("discovery.k8s.io", "endpointslices")] = ServiceTables.EndpointSlices,
        [("", "nodes")] = NodeTable.Layout,
        [("", "events")] = EventTable.Layout,
        [("events.k8s.io", "events")] = EventTable.Layout,
    };

    private static readonly TableLayout Default = new([Name, Age], (obj, now) => [obj.Name(), obj.Age(now)]);

    /// <summary>The column that every table but that of events begins with.</summary>
    public static ColumnDefinition Name => new("Name", "string", "name", "Name of the object, unique in its namespace.", 0);

    public static ColumnDefinition Age => Text("Age", "Time since the object was created.");

    /// <param name="group">API group; empty for the core group.</param>
    /// <param name="plural">As in the path.</param>
    public static TableLayout For(string group, string plural) => Layouts.GetValueOrDefault((group, plural), Default);

    public static ColumnDefinition Text(string name, string description) => new(name, "string", "", description, 0);

    public static ColumnDefinition Integer(string name, string description) => new(name, "integer", "", description, 0);

    public static ColumnDefinition Wide(string name, string description) => new(name, "string", "", description, 1);
}
