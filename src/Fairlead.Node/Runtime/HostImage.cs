using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Node.Runtime;

/// <summary>
/// The image <c>fairlead/host</c>: the node's own root file system under a private layer, with the fairlead binary
/// in it. Pods run without any registry.
/// </summary>
internal sealed class HostImage(string fairleadBinary)
{
    private const string Repository = "fairlead/host";

    private readonly Image _host = new()
    {
        Id = $"docker.io/{Repository}:latest",
        IsBuiltIn = true,
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

    private static bool IsHost(string name)
    {
        if (name.StartsWith("docker.io/", StringComparison.Ordinal)) name = name["docker.io/".Length..];
        return name == Repository || name.StartsWith(Repository + ":", StringComparison.Ordinal);
    }
}
