namespace Fairlead.Kube.Placement;

/// <summary>Whether a toleration covers a taint (Kubernetes documentation: "Taints and Tolerations"). An empty key with Exists tolerates every taint, an empty effect every effect.</summary>
public static class TolerationRule
{
    public static bool Covers((string Key, string Operator, string Value, string Effect) toleration, (string Key, string Value, string Effect) taint) =>
        (toleration.Effect.Length == 0 || toleration.Effect == taint.Effect)
        && (toleration.Key.Length == 0 || toleration.Key == taint.Key)
        && (toleration.Operator == "Exists" || (toleration.Operator == "Equal" && toleration.Key.Length > 0 && toleration.Value == taint.Value));
}
