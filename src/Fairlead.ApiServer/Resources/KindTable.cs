using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources;

/// <summary>All kinds that this server serves. A new kind is one row here and, where it has rules, a strategy beside the others.</summary>
internal sealed class KindTable
{
    private readonly Dictionary<(string Group, string Version, string Plural), Kind> _byPath;

    public KindTable(ServiceAllocator allocator)
    {
        All = [.. Core(allocator), .. Named()];
        _byPath = All.ToDictionary(kind => (kind.Group, kind.Version, kind.Plural));
        Namespaces = All.Single(kind => kind.Name == "Namespace");
    }

    public IReadOnlyList<Kind> All { get; }

    public Kind Namespaces { get; }

    public Kind? Find(string group, string version, string plural) => _byPath.GetValueOrDefault((group, version, plural));

    private static IEnumerable<Kind> Core(ServiceAllocator allocator) =>
    [
        new("", "v1", "ConfigMap", "configmaps", true, "V1ConfigMap") { ShortNames = ["cm"], Strategy = new ConfigMapStrategy() },
        new("", "v1", "Endpoints", "endpoints", true, "V1Endpoints")
        {
            Singular = "endpoints", ShortNames = ["ep"], StoragePrefix = "/registry/services/endpoints/", Strategy = new EndpointsStrategy(),
        },
        new("", "v1", "Event", "events", true, "Corev1Event")
        {
            ShortNames = ["ev"], Strategy = new EventStrategy(),
            SelectableFields = Kind.Fields(
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
                "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"),
        },
        new("", "v1", "Namespace", "namespaces", false, "V1Namespace")
        {
            ShortNames = ["ns"], HasStatus = true, Strategy = new NamespaceStrategy(), SelectableFields = Kind.Fields("status.phase"),
            Subresources = [new("finalize", "", "v1", "Namespace", "update")],
        },
        new("", "v1", "Node", "nodes", false, "V1Node")
        {
            ShortNames = ["no"], HasStatus = true, StoragePrefix = "/registry/minions/", Strategy = new NodeStrategy(),
            SelectableFields = Kind.Fields("spec.unschedulable"),
        },
        new("", "v1", "Pod", "pods", true, "V1Pod")
        {
            ShortNames = ["po"], Categories = ["all"], HasStatus = true, HasGeneration = true, Strategy = new PodStrategy(),
            SelectableFields = Kind.Fields(
                "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
                "status.phase", "status.podIP", "status.nominatedNodeName"),
            Subresources =
            [
                new("binding", "", "v1", "Binding", "create"),
                new("log", "", "v1", "Pod", "get"),
                new("exec", "", "v1", "PodExecOptions", "create", "get"),
                new("attach", "", "v1", "PodAttachOptions", "create", "get"),
                new("portforward", "", "v1", "PodPortForwardOptions", "create", "get"),
            ],
        },
        new("", "v1", "ReplicationController", "replicationcontrollers", true, "V1ReplicationController")
        {
            ShortNames = ["rc"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true,
            StoragePrefix = "/registry/controllers/", Strategy = new ReplicationControllerStrategy(),
            SelectableFields = Kind.Fields("status.replicas"),
        },
        new("", "v1", "Secret", "secrets", true, "V1Secret") { Strategy = new SecretStrategy(), SelectableFields = Kind.Fields("type") },
        new("", "v1", "Service", "services", true, "V1Service")
        {
            ShortNames = ["svc"], Categories = ["all"], HasStatus = true, StoragePrefix = "/registry/services/specs/",
            Strategy = new ServiceStrategy(allocator), SelectableFields = Kind.Fields("spec.clusterIP", "spec.type"),
        },
        new("", "v1", "ServiceAccount", "serviceaccounts", true, "V1ServiceAccount") { ShortNames = ["sa"] },
    ];

    private static IEnumerable<Kind> Named() =>
    [
        new("coordination.k8s.io", "v1", "Lease", "leases", true, "V1Lease"),
        new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, "V1EndpointSlice")
        {
            HasGeneration = true, Strategy = new EndpointSliceStrategy(),
        },
    ];
}
