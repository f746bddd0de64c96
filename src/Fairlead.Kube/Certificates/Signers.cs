namespace Fairlead.Kube.Certificates;

/// <summary>
/// The signers that Kubernetes knows (Kubernetes documentation: "Certificates and Certificate Signing Requests", section
/// "Kubernetes signers"), and how a node calls itself to them.
/// </summary>
public static class Signers
{
    /// <summary>Clients of the API server; approved by hand.</summary>
    public const string Client = "kubernetes.io/kube-apiserver-client";

    /// <summary>A node as client of the API server.</summary>
    public const string NodeClient = "kubernetes.io/kube-apiserver-client-kubelet";

    /// <summary>A node's kubelet API.</summary>
    public const string NodeServing = "kubernetes.io/kubelet-serving";

    public const string NodeGroup = "system:nodes";
    public const string NodeUserPrefix = "system:node:";

    public static IReadOnlyList<string> ClientUsages { get; } = ["digital signature", "client auth"];

    public static IReadOnlyList<string> ServingUsages { get; } = ["digital signature", "server auth"];
}
