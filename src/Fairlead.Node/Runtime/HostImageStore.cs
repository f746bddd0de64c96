using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Node.Runtime;

/// <summary>
/// Holds one image, <c>fairlead/host</c>: the node's own root file system under a private layer, with the fairlead binary
/// in it. Pods run without any registry.
/// </summary>
internal sealed class HostImageStore(string fairleadBinary) : IImageStore
{
    private const string Repository = "fairlead/host";

    private readonly Image _host = new()
    {
        Id = $"docker.io/{Repository}:latest",
        Layers = ["/"],
        Command = ["/bin/sh"],
        Variables =
        [
            new("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ],
        // Sockets, locks and other pods' files of the node are no business of a container.
        Hidden = ["/run", "/tmp", "/var/lib/fairlead"],
        Mounts = [new(fairleadBinary, "/usr/local/bin/fairlead", ReadOnly: true)],
    };

    public bool TryFind(string name, [NotNullWhen(true)] out Image? image)
    {
        image = IsHost(name) ? _host : null;
        return image is not null;
    }

    public Task<string?> PullAsync(string name, CancellationToken cancel) => Task.FromResult<string?>(TryFind(name, out _)
        ? null
        : $"failed to pull and unpack image \"{name}\": this build of Fairlead runs only the image {Repository} (the node's own root file system); "
            + $"set image: {Repository} and give the container a command");

    private static bool IsHost(string name)
    {
        if (name.StartsWith("docker.io/", StringComparison.Ordinal)) name = name["docker.io/".Length..];
        return name == Repository || name.StartsWith(Repository + ":", StringComparison.Ordinal);
    }
}
