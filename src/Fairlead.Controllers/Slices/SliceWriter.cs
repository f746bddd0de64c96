using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Slices;

/// <summary>Metadata that all slices of one service share.</summary>
/// <param name="Annotations">Theirs beside the trigger time; null leaves those of each slice as they are.</param>
internal sealed record SliceOwner(ObjectKey Key, V1OwnerReference Reference, ValueMap Labels, ValueMap? Annotations = null)
{
    public bool Describes(SliceItem slice) =>
        slice.Labels.Equals(Labels)
        && slice.Meta.Controller?.Uid == Reference.Uid
        && (Annotations is null || SliceWriter.WithoutTrigger(slice.Annotations).Equals(Annotations));
}

/// <summary>Writes planned slices, and remembers what it wrote until the cache shows it.</summary>
internal sealed class SliceWriter(KubeClient client, OwnWrites writes)
{
    public const string TriggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

    public static ValueMap WithoutTrigger(ValueMap annotations) =>
        annotations.ContainsKey(TriggerAnnotation) ? ValueMap.From(annotations.AsEnumerable().Where(pair => pair.Key != TriggerAnnotation)) : annotations;

    /// <param name="trigger">When the change happened that made these writes needed; null removes the annotation.</param>
    public async Task ApplyAsync(SliceOwner owner, SliceChanges changes, DateTime? trigger, CancellationToken cancel)
    {
        await Task.WhenAll(
        [
            .. changes.Create.Select(draft => CreateAsync(owner, draft, trigger, cancel)),
            .. changes.Update.Select(update => UpdateAsync(owner, update, trigger, cancel)),
        ]);
        // New homes before old ones go, so that no reader sees an endpoint missing in between.
        await Task.WhenAll(changes.Delete.Select(slice => DeleteAsync(slice, cancel)));
    }

    private async Task CreateAsync(SliceOwner owner, SliceDraft draft, DateTime? trigger, CancellationToken cancel)
    {
        var slice = Compose(owner, draft, new V1ObjectMeta
        {
            Name = ObjectNames.Generate(owner.Key.Name + "-"),
            GenerateName = owner.Key.Name + "-",
            Annotations = Annotations(owner.Annotations ?? ValueMap.Empty, trigger),
        });
        var written = await client.CreateAsync(ApiResources.EndpointSlices, slice, cancel);
        writes.Wrote(ObjectKey.Of(written), owner.Key, ResourceVersion.Parse(written.Metadata.ResourceVersion));
    }

    private async Task UpdateAsync(SliceOwner owner, SliceUpdate update, DateTime? trigger, CancellationToken cancel)
    {
        var slice = Compose(owner, update.New, new V1ObjectMeta
        {
            Name = update.Old.Key.Name,
            GenerateName = owner.Key.Name + "-",
            ResourceVersion = ResourceVersion.Text(update.Old.Version),
            Uid = update.Old.Meta.Uid,
            Finalizers = update.Old.Meta.Finalizers.Count == 0 ? null : [.. update.Old.Meta.Finalizers],
            Annotations = Annotations(owner.Annotations ?? update.Old.Annotations, trigger),
        });
        var written = await client.ReplaceAsync(ApiResources.EndpointSlices, slice, null, cancel);
        writes.Wrote(update.Old.Key, owner.Key, ResourceVersion.Parse(written.Metadata.ResourceVersion));
    }

    private async Task DeleteAsync(SliceItem slice, CancellationToken cancel)
    {
        var options = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = slice.Meta.Uid } };
        if (await client.DeleteAsync(ApiResources.EndpointSlices, slice.Key, options, cancel))
            writes.Deleted(slice.Key, slice.Service);
    }

    private static V1EndpointSlice Compose(SliceOwner owner, SliceDraft draft, V1ObjectMeta meta)
    {
        meta.NamespaceProperty = owner.Key.Namespace;
        meta.Labels = owner.Labels.ToDictionary();
        meta.OwnerReferences = [owner.Reference];
        return new V1EndpointSlice
        {
            Metadata = meta,
            AddressType = draft.AddressType,
            Ports = [.. draft.Ports.Select(ToModel)],
            Endpoints = [.. draft.Endpoints.Select(ToModel)],
        };
    }

    private static Dictionary<string, string>? Annotations(ValueMap present, DateTime? trigger)
    {
        var annotations = present.ToDictionary();
        annotations.Remove(TriggerAnnotation);
        if (trigger is { } time) annotations[TriggerAnnotation] = Timestamps.Exact(time);
        return annotations.Count == 0 ? null : annotations;
    }

    private static Discoveryv1EndpointPort ToModel(SlicePort port) =>
        new() { Name = port.Name, Protocol = port.Protocol, Port = port.Port, AppProtocol = port.AppProtocol };

    private static V1Endpoint ToModel(SliceEndpoint endpoint) => new()
    {
        Addresses = [.. endpoint.Addresses],
        Conditions = new V1EndpointConditions { Ready = endpoint.Ready, Serving = endpoint.Serving, Terminating = endpoint.Terminating },
        Hostname = endpoint.Hostname,
        NodeName = endpoint.NodeName,
        Zone = endpoint.Zone,
        TargetRef = endpoint.Target?.ToReference(),
        Hints = Hints(endpoint),
    };

    private static V1EndpointHints? Hints(SliceEndpoint endpoint) => endpoint.ForZones.Count + endpoint.ForNodes.Count == 0
        ? null
        : new V1EndpointHints
        {
            ForZones = endpoint.ForZones.Count == 0 ? null : [.. endpoint.ForZones.Select(zone => new V1ForZone { Name = zone })],
            ForNodes = endpoint.ForNodes.Count == 0 ? null : [.. endpoint.ForNodes.Select(node => new V1ForNode { Name = node })],
        };
}
