using Fairlead.Kube;
using Fairlead.Kube.Informers;
using k8s.Models;

namespace Fairlead.Dns.Zone;

/// <summary>The slices that one informer follows, by service. Safe for any readers.</summary>
internal sealed class SliceSource
{
    private readonly Informer<V1EndpointSlice, SliceInfo> _informer;
    private readonly SliceIndex _index = new();

    /// <param name="changed">Told of each service that a changed slice belongs or belonged to.</param>
    internal SliceSource(Informer<V1EndpointSlice, SliceInfo> informer, Action<ObjectKey> changed)
    {
        _informer = informer;
        informer.Changed += change =>
        {
            _index.Change(change.Key, change.Old, change.New);
            foreach (SliceInfo? slice in (ReadOnlySpan<SliceInfo?>)[change.Old, change.New])
            {
                if (slice is not null)
                {
                    changed(slice.Service);
                }
            }
        };
    }

    internal Task Synced => _informer.Synced;

    internal Task RunAsync(CancellationToken cancel) => _informer.RunAsync(cancel);

    internal IReadOnlyList<SliceInfo> Of(ObjectKey service) => _index.Of(service);
}
