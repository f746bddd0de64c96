using k8s.Models;

namespace Fairlead.Node.Pods.Static;

internal enum MirrorStep
{
    Nothing,
    Create,

    /// <summary>At once; what is to be there instead is created when it is gone.</summary>
    Delete,
}

/// <summary>What is to be done for a static pod to show in the API as it is: its mirror, which nobody can change or take away for long. Pure.</summary>
internal static class MirrorRule
{
    /// <param name="running">The static pod that the node runs under that name; null: none.</param>
    /// <param name="mirror">The pod of that name that the API has for this node; null: none.</param>
    public static MirrorStep Decide(V1Pod? running, V1Pod? mirror)
    {
        if (mirror is null) return running is { Metadata.DeletionTimestamp: null } ? MirrorStep.Create : MirrorStep.Nothing;
        if (running is null) return MirrorStep.Delete;
        var isOurs = mirror.Metadata.Annotations?.TryGetValue(StaticPodFile.MirrorAnnotation, out var of) == true && of == running.Metadata.Uid;
        return isOurs && mirror.Metadata.DeletionTimestamp is null ? MirrorStep.Nothing : MirrorStep.Delete;
    }

    /// <summary>The mirror to create.</summary>
    /// <param name="node">It belongs to the node, and goes with it.</param>
    public static V1Pod Of(V1Pod running, V1OwnerReference node) => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = new V1ObjectMeta
        {
            Name = running.Metadata.Name,
            NamespaceProperty = running.Metadata.NamespaceProperty,
            Labels = running.Metadata.Labels,
            Annotations = new Dictionary<string, string>(running.Metadata.Annotations) { [StaticPodFile.MirrorAnnotation] = running.Metadata.Uid },
            OwnerReferences = [node],
        },
        Spec = running.Spec,
    };

    /// <summary>The static pod as its worker sees it: with the status, and the version, that the API has of it.</summary>
    public static V1Pod Seen(V1Pod running, V1Pod? mirror)
    {
        var isOurs = mirror is not null && Decide(running, mirror) == MirrorStep.Nothing;
        return new V1Pod
        {
            ApiVersion = running.ApiVersion,
            Kind = running.Kind,
            Metadata = new V1ObjectMeta
            {
                Name = running.Metadata.Name,
                NamespaceProperty = running.Metadata.NamespaceProperty,
                Uid = running.Metadata.Uid,
                Labels = running.Metadata.Labels,
                Annotations = running.Metadata.Annotations,
                CreationTimestamp = running.Metadata.CreationTimestamp,
                DeletionTimestamp = running.Metadata.DeletionTimestamp,
                DeletionGracePeriodSeconds = running.Metadata.DeletionGracePeriodSeconds,
                ResourceVersion = isOurs ? mirror!.Metadata.ResourceVersion : null,
                Generation = isOurs ? mirror!.Metadata.Generation : null,
            },
            Spec = running.Spec,
            Status = isOurs ? mirror!.Status : null,
        };
    }
}
