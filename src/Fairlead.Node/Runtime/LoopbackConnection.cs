using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Node.Runtime;

/// <summary>Connects to a port of a pod's own loopback, 127.0.0.1 or else ::1.</summary>
internal static class LoopbackConnection
{
    /// <param name="path">Where the namespace is to be found, for the message.</param>
    /// <exception cref="RuntimeException">Nobody listens there.</exception>
    public static async Task<Socket> OpenAsync(NetworkNamespace network, string path, int port, CancellationToken cancel)
    {
        var failures = new List<string>();
        foreach (var (name, address) in ((string, IPAddress)[])[("IPv4: dial tcp4 127.0.0.1", IPAddress.Loopback), ("IPv6 dial tcp6 [::1]", IPAddress.IPv6Loopback)])
        {
            try
            {
                return await network.ConnectTcpAsync(new IPEndPoint(address, port), cancel);
            }
            catch (SocketException e)
            {
                failures.Add($"{name}:{port}: connect: {e.Message.ToLowerInvariant()}");
            }
        }
        // In the words that clients know from containerd.
        throw new RuntimeException($"failed to execute portforward in network namespace \"{path}\": failed to connect to localhost:{port} "
            + $"inside namespace \"{Path.GetFileName(Path.GetDirectoryName(path))}\", {string.Join(' ', failures)}");
    }
}
