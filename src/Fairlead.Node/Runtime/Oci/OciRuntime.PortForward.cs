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
            return await LoopbackConnection.OpenAsync(network, path, port, cancel);
        }
        catch (LinuxException e)
        {
            throw new RuntimeException($"failed to execute portforward in network namespace \"{path}\": {e.Message}", e);
        }
    }
}
