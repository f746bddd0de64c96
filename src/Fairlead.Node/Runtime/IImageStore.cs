using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Node.Runtime;

/// <summary>An image that is on this node, ready to be laid under a container.</summary>
internal sealed record Image
{
    /// <summary>Goes into the container status.</summary>
    public required string Id { get; init; }

    /// <summary>Folders beneath the container's own layer, the topmost first.</summary>
    public required ImmutableArray<string> Layers { get; init; }
    public ImmutableArray<string> Entrypoint { get; init; } = [];
    public ImmutableArray<string> Command { get; init; } = [];
    public ImmutableArray<KeyValuePair<string, string>> Variables { get; init; } = [];
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Folders that a container gets empty, whatever the layers hold there.</summary>
    public ImmutableArray<string> Hidden { get; init; } = [];
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];
}

/// <summary>Images of this node, in the shape of CRI's ImageService.</summary>
internal interface IImageStore
{
    bool TryFind(string name, [NotNullWhen(true)] out Image? image);

    /// <summary>Fetches an image; answers null when it is there, or why it is not.</summary>
    Task<string?> PullAsync(string name, CancellationToken cancel);
}
