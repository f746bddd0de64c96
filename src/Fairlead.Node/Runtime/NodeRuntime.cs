using Fairlead.Node.Images;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime.Containerd;
using Fairlead.Node.Runtime.Cri;
using Fairlead.Node.Runtime.Oci;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime;

/// <summary>The runtime that the options choose, with what must run beside it.</summary>
internal sealed class NodeRuntime : IDisposable
{
    private const int StartTries = 5;
    private readonly IReadOnlyList<Func<CancellationToken, Task>> _parts;
    private readonly IReadOnlyList<IDisposable> _owned;

    private NodeRuntime(IContainerRuntime runtime, IReadOnlyList<Func<CancellationToken, Task>> parts, params IReadOnlyList<IDisposable> owned) =>
        (Runtime, _parts, _owned) = (runtime, parts, owned);

    public IContainerRuntime Runtime { get; }

    /// <summary>The images of a runtime that has its own; null: those of the node's store.</summary>
    public CriImages? Images { get; private init; }

    /// <param name="program">The fairlead binary.</param>
    /// <exception cref="NodeStartException">Something that it needs is missing; the message says what to do.</exception>
    public static Task<NodeRuntime> OpenAsync(
        NodeAgentOptions options, NodePaths paths, PodNetwork network, ImageStore store, string program, ILogger log, TimeProvider time, CancellationToken cancel) =>
        options.RuntimeEndpoint is { } endpoint ? OpenEndpointAsync(endpoint, paths, network, store, program, log, time, cancel)
        : options.Runtime == RuntimeKind.Containerd ? OpenContainerdAsync(paths, network, store, program, log, time, cancel) : OpenOciAsync(options, paths, network, log, time, cancel);

    /// <summary>Until cancelled.</summary>
    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(_parts.Select(part => part(cancel)).Append(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel)));

    public void Dispose()
    {
        foreach (var one in _owned) one.Dispose();
    }

    private static async Task<NodeRuntime> OpenOciAsync(NodeAgentOptions options, NodePaths paths, PodNetwork network, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        var tools = await OciTools.FindAsync(options, cancel);
        var oci = new OciRuntime(options.Runtime, tools.Version, new OciCommand(tools.Runtime, tools.Conmon, paths.RuntimeState), paths, network, time, log);
        return new NodeRuntime(oci, [], oci);
    }

    private static async Task<NodeRuntime> OpenContainerdAsync(
        NodePaths nodePaths, PodNetwork network, ImageStore store, string program, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        var paths = new ContainerdPaths(nodePaths);
        var client = new CriClient(paths.Socket);
        var server = new ContainerdServer(paths, nodePaths.NetworkSocket, client, program, time, log);
        var images = new ContainerdImages(client, store, OciTools.Find("ctr"), time);
        var plugin = new CniServer(nodePaths.NetworkSocket, nodePaths, network, log);
        CriRuntime? runtime = null;
        for (var left = StartTries; runtime is null; left--)
        {
            try
            {
                runtime = new CriRuntime(client, "containerd", await server.StartAsync(cancel), nodePaths, network, plugin, images, time, log);
                await images.EnsureAsync(BuiltInImages.Sandbox(), cancel);
                await runtime.RestoreAsync(cancel);
            }
            catch (RuntimeException e)
            {
                if (left == 1) throw new NodeStartException($"containerd at {client.Socket} does not do as it is told: {e.Message}; see {paths.Log}");
                // It ended while it was asked; the next round starts it.
                RuntimeLog.OutOfReach(log, client.Socket, e.Message);
                runtime = null;
            }
        }
        return new NodeRuntime(runtime, [server.RunAsync, runtime.RunAsync, plugin.RunAsync, stop => images.CollectAllAsync(log, stop)], plugin, images, client);
    }

    /// <summary>A runtime that runs already keeps its own images and asks its own network plugins, of which this program may be one.</summary>
    private static async Task<NodeRuntime> OpenEndpointAsync(
        string socket, NodePaths paths, PodNetwork network, ImageStore store, string program, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        var client = new CriClient(socket);
        try
        {
            var (name, version) = await client.VersionAsync(cancel);
            Directory.CreateDirectory(paths.Root);
            EndpointLeftovers.Note(paths, socket);
            var host = name == "containerd" && OciTools.TryFind("ctr") is { } tool ? new ContainerdImages(client, store, tool, time) : null;
            var images = new CriImages(client, new HostImage(program), host, log, time);
            await images.ListAsync(cancel);
            var plugin = new CniServer(paths.NetworkSocket, paths, network, log);
            var runtime = new CriRuntime(client, name, version.Split('~', '+')[0], paths, network, plugin, images, time, log);
            await runtime.RestoreAsync(cancel);
            return new NodeRuntime(runtime, [runtime.RunAsync, images.RunAsync, plugin.RunAsync], [plugin, client, .. host is null ? [] : (IDisposable[])[host]]) { Images = images };
        }
        catch (CriException e)
        {
            client.Dispose();
            throw new NodeStartException($"no container runtime serves CRI at {socket}: {e.Message}");
        }
    }
}
