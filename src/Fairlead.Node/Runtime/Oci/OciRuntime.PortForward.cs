using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    public async Task<Socket> ConnectAsync(string podUid, int port, CancellationToken cancel)
    {
        if (Observe(podUid).Sandbox is not { Ready: true } sandbox) throw new RuntimeException($"sandbox container \"{podUid}\" is not running");
        var path = $"{_paths.Namespaces(podUid)}/net";
        try
        {
            using var network = sandbox.HostNetwork ? NetworkNamespace.OpenCurrent() : NetworkNamespace.Open(path);
            return await ConnectAsync(network, path, port, cancel);
        }
        catch (LinuxException e)
        {
            throw new RuntimeException($"failed to execute portforward in network namespace \"{path}\": {e.Message}", e);
        }
    }

    private static async Task<Socket> ConnectAsync(NetworkNamespace network, string path, int port, CancellationToken cancel)
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
