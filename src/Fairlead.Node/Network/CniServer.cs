using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Linux;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Cri;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Network;

/// <summary>
/// The agent's side of <see cref="CniPlugin"/>: one line with the pod and its namespace comes, one with the pod's address goes back. Only pods
/// whose sandbox is just being made get a network.
/// </summary>
internal sealed class CniServer(string socket, NodePaths paths, PodNetwork network, ILogger log) : ISandboxNetwork, IDisposable
{
    private readonly ConcurrentDictionary<string, IReadOnlyList<PortMapping>> _expected = new();
    private readonly Socket _listener = Listen(socket);

    public void Expect(string podUid, IReadOnlyList<PortMapping> ports) => _expected[podUid] = ports;

    public void Forget(string podUid) => _expected.TryRemove(podUid, out _);

    public void Dispose() => _listener.Dispose();

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptAsync(cancel);
                _ = ServeAsync(client, cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken cancel)
    {
        try
        {
            await using var stream = new NetworkStream(client, ownsSocket: true);
            using var reader = new StreamReader(stream, leaveOpen: true);
            var answer = Answer(await reader.ReadLineAsync(cancel) ?? "");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(answer.ToJsonString() + "\n"), cancel);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            RuntimeLog.NetworkRequestFailed(log, e.Message);
        }
    }

    private JsonObject Answer(string line)
    {
        try
        {
            var request = JsonNode.Parse(line)?.AsObject() ?? [];
            var (uid, path) = (request["pod"]?.GetValue<string>() ?? "", request["namespace"]?.GetValue<string>() ?? "");
            if (!_expected.TryGetValue(uid, out var ports)) throw new InvalidOperationException($"no sandbox of pod {uid} is being made");
            var address = network.Attach(uid, path);
            network.MapPorts(address, ports);
            Show(uid, path);
            return new JsonObject { ["address"] = address.ToString(), ["gateway"] = network.Gateway?.ToString() };
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or LinuxException or JsonException)
        {
            RuntimeLog.NetworkRequestFailed(log, e.Message);
            return new JsonObject { ["failure"] = e.Message };
        }
    }

    /// <summary>Others of this program look for a pod's network where the node's own runtime has it.</summary>
    private void Show(string uid, string path)
    {
        Directory.CreateDirectory(paths.Namespaces(uid));
        File.Delete($"{paths.Namespaces(uid)}/net");
        File.CreateSymbolicLink($"{paths.Namespaces(uid)}/net", path);
    }

    private static Socket Listen(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        // Root's alone, as containerd's own.
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        socket.Listen(128);
        return socket;
    }
}
