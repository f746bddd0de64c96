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
        [("apps", "statefulsets")] = WorkloadTables.StatefulSets,
        [("apps", "daemonsets")] = WorkloadTables.DaemonSets,
        [("apps", "controllerrevisions")] = WorkloadTables.ControllerRevisions,
        [("", "services")] = ServiceTables.Services,
        [("", "endpoints")] = ServiceTables.Endpoints,
        [("discovery.k8s.io", "endpointslices")] = ServiceTables.EndpointSlices,
        [("", "nodes")] = NodeTable.Layout,
        [("", "events")] = EventTable.Layout,
        [("", "limitranges")] = SmallTables.Created,
        [("", "resourcequotas")] = SmallTables.ResourceQuotas,
        [("", "podtemplates")] = WorkloadTables.PodTemplates,
        [("networking.k8s.io", "ingresses")] = IngressTables.Ingresses,
        [("networking.k8s.io", "ingressclasses")] = IngressTables.Classes,
        [("networking.k8s.io", "networkpolicies")] = IngressTables.NetworkPolicies,
        [("networking.k8s.io", "servicecidrs")] = AddressTables.ServiceCidrs,
        [("networking.k8s.io", "ipaddresses")] = AddressTables.Addresses,
        [("rbac.authorization.k8s.io", "roles")] = SmallTables.Created,
        [("rbac.authorization.k8s.io", "clusterroles")] = SmallTables.Created,
        [("rbac.authorization.k8s.io", "rolebindings")] = RbacTables.Bindings,
        [("rbac.authorization.k8s.io", "clusterrolebindings")] = RbacTables.Bindings,
        [("certificates.k8s.io", "certificatesigningrequests")] = CertificateTable.Layout,
        [("", "persistentvolumes")] = StorageTables.Volumes,
        [("", "persistentvolumeclaims")] = StorageTables.Claims,
        [("storage.k8s.io", "storageclasses")] = StorageTables.Classes,
        [("", "componentstatuses")] = SmallTables.ComponentStatuses,
        [("metrics.k8s.io", "nodes")] = MetricsTables.Nodes,
        [("metrics.k8s.io", "pods")] = MetricsTables.Pods,
        [("node.k8s.io", "runtimeclasses")] = SmallTables.RuntimeClasses,
        [("scheduling.k8s.io", "priorityclasses")] = SmallTables.PriorityClasses,
    };

    private static readonly TableLayout Default = new([Name, Age], (obj, now) => [obj.Name(), obj.Age(now)]);

    /// <summary>The column that every table but that of events begins with.</summary>
    public static ColumnDefinition Name => new("Name", "string", "name", "Name of the object, unique in its namespace.", 0);

    public static ColumnDefinition Age => Text("Age", "Time since the object was created.");

    /// <param name="group">API group; empty for the core group.</param>
    /// <param name="plural">As in the path.</param>
    public static TableLayout For(string group, string plural) => Layouts.GetValueOrDefault((group, plural), Default);

    public static ColumnDefinition Text(string name, string description) => new(name, "string", "", description, 0);

    public static ColumnDefinition Flag(string name, string description) => new(name, "boolean", "", description, 0);

    public static ColumnDefinition Integer(string name, string description) => new(name, "integer", "", description, 0);

    public static ColumnDefinition Wide(string name, string description) => new(name, "string", "", description, 1);
}
