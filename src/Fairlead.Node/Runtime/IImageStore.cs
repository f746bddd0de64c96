using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Node.Runtime;

/// <summary>An image that is on this node, ready to be laid under a container.</summary>
internal sealed record Image
{
    /// <summary>Goes into the container status.</summary>
    public required string Id { get; init; }

    /// <summary>Its name in full, for the container status; null: as the pod names it.</summary>
    public string? Reference { get; init; }

    /// <summary>Folders beneath the container's own layer, the topmost first.</summary>
    public required ImmutableArray<string> Layers { get; init; }

    /// <summary>It is a part of the program and of no registry.</summary>
    public bool IsBuiltIn { get; init; }
    public ImmutableArray<string> Entrypoint { get; init; } = [];
    public ImmutableArray<string> Command { get; init; } = [];
    public ImmutableArray<KeyValuePair<string, string>> Variables { get; init; } = [];
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>As whom it runs unless the pod says otherwise: <c>user</c>, <c>user:group</c>, names or numbers; empty: root.</summary>
    public string User { get; init; } = "";

    /// <summary>For example <c>SIGQUIT</c>; null: SIGTERM.</summary>
    public string? StopSignal { get; init; }

    /// <summary>Folders that a container gets empty, whatever the layers hold there.</summary>
    public ImmutableArray<string> Hidden { get; init; } = [];
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];
}

/// <summary>Images of this node, in the shape of CRI's ImageService.</summary>
internal interface IImageStore
{
    bool TryFind(string name, [NotNullWhen(true)] out Image? image);

    /// <summary>Tells that there are other images now.</summary>
    event Action? Changed;

    /// <summary>Fetches an image from its registry, though it may be here.</summary>
    /// <param name="dockerConfigs">Credentials, as Docker's configuration files.</param>
    Task<ImagePullResult> PullAsync(string name, IReadOnlyCollection<byte[]> dockerConfigs, CancellationToken cancel);
}

/// <param name="Failure">Why it is not here; null: it is.</param>
/// <param name="Bytes">Of its packed layers.</param>
internal readonly record struct ImagePullResult(string? Failure, long Bytes);
