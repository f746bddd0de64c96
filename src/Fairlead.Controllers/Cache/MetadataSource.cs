using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Cache;

/// <summary>A cached kind, seen as metadata only.</summary>
internal interface IMetadataSource
{
    ApiKind Kind { get; }
    Task Synced { get; }

    /// <summary>Key, metadata before (null: new), metadata now (null: gone). Raised only if the metadata changed.</summary>
    event Action<ObjectKey, ObjectMeta?, ObjectMeta?>? Changed;

    Task RunAsync(CancellationToken cancel);
}

internal sealed class MetadataSource<T, TItem> : IMetadataSource
    where T : class, IKubernetesObject<V1ObjectMeta>
    where TItem : class, ICached
{
    private readonly Informer<T, TItem> _informer;

    public MetadataSource(ApiKind kind, Informer<T, TItem> informer)
    {
        Kind = kind;
        _informer = informer;
        informer.Changed += Pass;
    }

    public ApiKind Kind { get; }
    public Task Synced => _informer.Synced;

    public event Action<ObjectKey, ObjectMeta?, ObjectMeta?>? Changed;

    public Task RunAsync(CancellationToken cancel) => _informer.RunAsync(cancel);

    private void Pass(InformerChange<TItem> change)
    {
        if (Equals(change.Old?.Meta, change.New?.Meta)) return;
        Changed?.Invoke(change.Key, change.Old?.Meta, change.New?.Meta);
    }
}

internal static class MetadataSource
{
    /// <summary>A source of a kind that no controller caches for another reason.</summary>
    public static IMetadataSource Of(ApiKind kind, KubeClient client, ILogger log, TimeProvider time)
    {
        var resource = kind.Metadata;
        var informer = new Informer<V1Binding, MetadataItem>(
            client, resource, obj => new MetadataItem(ObjectKey.Of(obj), ObjectMeta.From(obj.Metadata)), log, time);
        return new MetadataSource<V1Binding, MetadataItem>(kind, informer);
    }
}
