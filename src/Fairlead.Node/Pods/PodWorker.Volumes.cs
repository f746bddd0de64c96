using System.Collections.Immutable;
using Fairlead.Node.Volumes;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Keeps the files of a running pod's volumes true to the objects that they come from, and its tokens fresh.</summary>
internal sealed partial class PodWorker
{
    private static readonly TimeSpan RefreshRetry = TimeSpan.FromSeconds(10);
    private IReadOnlyCollection<ObjectRef>? _followed;
    private volatile bool _volumesChanged;
    private DateTimeOffset? _tokensDue;
    private string? _labelsTold;

    /// <summary>An object that a volume comes from has changed. The caller brings the pod back.</summary>
    public void NoticeVolumes() => _volumesChanged = true;

    /// <summary>The pod's containers are gone: its volumes need not be followed any more.</summary>
    public void LeaveVolumes(string uid)
    {
        if (_followed is not null) watches.Leave(uid, _followed);
        _followed = null;
    }

    private async Task RefreshVolumesAsync(V1Pod pod, CancellationToken cancel)
    {
        if (pod.Spec.Volumes is not { Count: > 0 }) return;
        if (_followed is null)
        {
            _followed = ObjectRef.Of(pod);
            watches.Follow(pod.Metadata.Uid, _followed);
        }
        var changed = _volumesChanged;
        _volumesChanged = false;
        // What was missing may be there now: nobody waits out the retry.
        if (changed && _memory.PodFailure?.Reason == Refusal.FailedMount) _memory = _memory with { PodFailure = null };
        if (runtime.Observe(pod.Metadata.Uid) is not { Sandbox: { Ready: true } sandbox, Containers.IsEmpty: false }) return;
        var labels = PodVolumes.TellOfPod(pod) ? Text(pod.Metadata.Labels) + Text(pod.Metadata.Annotations) : null;
        var tokens = PodVolumes.TokensDueAfter(pod);
        // Containers that an agent before this one started: how old their tokens are is not known.
        var due = tokens is not null && _tokensDue is { } at && at <= time.GetUtcNow();
        if (!changed && !due && labels == _labelsTold && _tokensDue is not null == tokens is not null) return;
        var first = _tokensDue is null && tokens is not null;
        var failure = await starter.RefreshVolumesAsync(pod, sandbox, due || (first && IsOlder(pod)), cancel);
        if (failure is not null) api.Warning(pod, null, Refusal.FailedMount, failure);
        _labelsTold = labels;
        if (tokens is null) return;
        if (due || first) _tokensDue = time.GetUtcNow() + (failure is null ? tokens.Value : RefreshRetry);
        again(pod.Metadata.Uid, _tokensDue!.Value - time.GetUtcNow());
    }

    private bool IsOlder(V1Pod pod) => runtime.Observe(pod.Metadata.Uid).Containers.Any(container => container.CreatedAt < _born);

    private static string Text(IDictionary<string, string>? map) =>
        string.Join('\n', (map ?? ImmutableDictionary<string, string>.Empty).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
}
