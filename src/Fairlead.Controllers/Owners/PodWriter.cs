using Fairlead.Controllers.Cache;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Controllers.Owners;

/// <summary>Creates and deletes pods for their owners, with the events that Kubernetes tells. A refusal is answered, not thrown.</summary>
internal sealed class PodWriter(KubeClient client, EventRecorder events)
{
    /// <summary>A pod of the template, as its owner's: what the owner's kind adds is left to the caller.</summary>
    public static V1Pod Compose(Owner owner, PodTemplate from, string name)
    {
        var template = from.Create();
        return new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = name,
                GenerateName = owner.Key.Name + "-",
                NamespaceProperty = owner.Key.Namespace,
                Labels = template.Metadata?.Labels,
                Annotations = template.Metadata?.Annotations,
                Finalizers = template.Metadata?.Finalizers,
                OwnerReferences = [owner.Reference()],
            },
            Spec = template.Spec,
        };
    }

    /// <param name="told">Null: the event reads as that of every owner but StatefulSet.</param>
    public async Task<Exception?> CreateAsync(Owner owner, V1Pod pod, CancellationToken cancel, string? told = null)
    {
        try
        {
            await client.CreateAsync(ApiResources.Pods, pod, cancel);
            events.Normal(owner.About(), "SuccessfulCreate", told ?? $"Created pod: {pod.Metadata.Name}");
            return null;
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            // A namespace that is being deleted refuses pods for good, and that is nobody's failure; a name that is taken is the caller's to judge.
            if (!IsTerminating(e) && e is not KubeApiException { IsAlreadyExists: true }) events.Warning(owner.About(), "FailedCreate", $"Error creating: {e.Message}");
            return e;
        }
    }

    /// <summary>Whether the refusal says no more than that the whole namespace is on its way out.</summary>
    public static bool IsTerminating(Exception error) =>
        error is KubeApiException { Status.Details.Causes: { } causes } && causes.Any(cause => cause.Reason == "NamespaceTerminating");

    /// <summary>Answers also whether there was such a pod.</summary>
    public async Task<(bool Deleted, Exception? Error)> DeleteAsync(Owner owner, PodItem pod, CancellationToken cancel, string? told = null)
    {
        try
        {
            var options = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Meta.Uid } };
            var deleted = await client.DeleteAsync(ApiResources.Pods, pod.Key, options, cancel);
            if (deleted) events.Normal(owner.About(), "SuccessfulDelete", told ?? $"Deleted pod: {pod.Key.Name}");
            return (deleted, null);
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            events.Warning(owner.About(), "FailedDelete", $"Error deleting: {e.Message}");
            return (false, e);
        }
    }
}
