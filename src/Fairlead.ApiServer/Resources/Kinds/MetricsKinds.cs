using Fairlead.ApiServer.HTTP;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>What nodes and pods use; answered from the nodes and kept nowhere. As a metrics server's, they have no names in the singular: <c>kubectl get pod</c> means the pod.</summary>
internal static class MetricsKinds
{
    public static IEnumerable<Kind> Rows() => [Row("NodeMetrics", "nodes", false), Row("PodMetrics", "pods", true)];

    private static Kind Row(string name, string plural, bool namespaced) =>
        new(ResourceMetrics.Group, "v1beta1", name, plural, namespaced, "V1beta1" + name) { Singular = "", IsStored = false, Verbs = ["get", "list"] };
}
