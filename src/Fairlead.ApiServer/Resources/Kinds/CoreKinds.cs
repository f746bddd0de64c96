using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Resources.Conversion;
using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>The core group, v1.</summary>
internal static class CoreKinds
{
    private static readonly string[] ProxyVerbs = ["create", "delete", "get", "patch", "update"];

    public static IEnumerable<Kind> Rows(ServiceAllocator allocator)
    {
        var events = new Kind("", "v1", "Event", "events", true, "Corev1Event")
        {
            ShortNames = ["ev"], IsMadeByUpdate = true, Strategy = new EventStrategy(),
            SelectableFields = new Dictionary<string, string[][]>(Kind.Fields(
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
                "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "type"))
            {
                ["source"] = [["source", "component"], ["reportingComponent"]],
            },
        };
        return
        [
            new("", "v1", "Binding", "bindings", true, "V1Binding") { IsStored = false, Verbs = ["create"] },
            new("", "v1", "ComponentStatus", "componentstatuses", false, "V1ComponentStatus") { ShortNames = ["cs"], IsStored = false, Verbs = ["get", "list"] },
            new("", "v1", "ConfigMap", "configmaps", true, "V1ConfigMap") { ShortNames = ["cm"], Strategy = new ConfigMapStrategy() },
            new("", "v1", "Endpoints", "endpoints", true, "V1Endpoints")
            {
                Singular = "endpoints", ShortNames = ["ep"], IsMadeByUpdate = true, StoragePrefix = "/registry/services/endpoints/", Strategy = new EndpointsStrategy(),
            },
            events,
            events.ShownAs("events.k8s.io", "v1", EventConversion.Instance, "Eventsv1Event"),
            new("", "v1", "LimitRange", "limitranges", true, "V1LimitRange") { ShortNames = ["limits"], IsMadeByUpdate = true, Strategy = new LimitRangeStrategy() },
            new("", "v1", "Namespace", "namespaces", false, "V1Namespace")
            {
                ShortNames = ["ns"], HasStatus = true, Verbs = ["create", "delete", "get", "list", "patch", "update", "watch"], Strategy = new NamespaceStrategy(), SelectableFields = Kind.Fields("status.phase"),
                Subresources = [new("finalize", "", "v1", "Namespace", "update")],
            },
            new("", "v1", "Node", "nodes", false, "V1Node")
            {
                ShortNames = ["no"], HasStatus = true, StoragePrefix = "/registry/minions/", Strategy = new NodeStrategy(),
                SelectableFields = Kind.Fields("spec.unschedulable"),
                Subresources = [new("proxy", "", "v1", "NodeProxyOptions", ProxyVerbs)],
            },
            new("", "v1", "Pod", "pods", true, "V1Pod")
            {
                ShortNames = ["po"], Categories = ["all"], HasStatus = true, HasGeneration = true, ShowsDeleted = true, Strategy = new PodStrategy(),
                SelectableFields = Kind.Fields(
                    "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
                    "status.phase", "status.podIP", "status.nominatedNodeName"),
                Subresources =
                [
                    new("binding", "", "v1", "Binding", "create"),
                    new("ephemeralcontainers", "", "v1", "Pod", "get", "patch", "update"),
                    new("eviction", "policy", "v1", "Eviction", "create"),
                    new("log", "", "v1", "Pod", "get"),
                    new("exec", "", "v1", "PodExecOptions", "create", "get"),
                    new("attach", "", "v1", "PodAttachOptions", "create", "get"),
                    new("portforward", "", "v1", "PodPortForwardOptions", "create", "get"),
                    new("proxy", "", "v1", "PodProxyOptions", ProxyVerbs),
                ],
            },
            new("", "v1", "PodTemplate", "podtemplates", true, "V1PodTemplate") { HasGeneration = true, ShowsDeleted = true, Strategy = new PodTemplateStrategy() },
            new("", "v1", "ReplicationController", "replicationcontrollers", true, "V1ReplicationController")
            {
                ShortNames = ["rc"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true,
                StoragePrefix = "/registry/controllers/", Strategy = new ReplicationControllerStrategy(),
                // As in the days before there was a choice (its strategy in Kubernetes): a client that says nothing keeps the pods.
                DefaultPropagation = "Orphan",
                SelectableFields = Kind.Fields("status.replicas"),
            },
            new("", "v1", "ResourceQuota", "resourcequotas", true, "V1ResourceQuota") { ShortNames = ["quota"], HasStatus = true, ShowsDeleted = true, Strategy = new ResourceQuotaStrategy() },
            new("", "v1", "Secret", "secrets", true, "V1Secret") { Strategy = new SecretStrategy(), SelectableFields = Kind.Fields("type") },
            new("", "v1", "Service", "services", true, "V1Service")
            {
                ShortNames = ["svc"], Categories = ["all"], HasStatus = true, IsMadeByUpdate = true, ShowsDeleted = true, StoragePrefix = "/registry/services/specs/",
                Strategy = new ServiceStrategy(allocator), SelectableFields = Kind.Fields("spec.clusterIP", "spec.type"),
                Subresources = [new("proxy", "", "v1", "ServiceProxyOptions", ProxyVerbs)],
            },
            new("", "v1", "ServiceAccount", "serviceaccounts", true, "V1ServiceAccount")
            {
                ShortNames = ["sa"], ShowsDeleted = true, Subresources = [new("token", "authentication.k8s.io", "v1", "TokenRequest", "create")],
            },
        ];
    }
}
