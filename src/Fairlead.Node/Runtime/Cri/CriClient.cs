using Fairlead.Kube.Protobuf;
using Fairlead.Kube.Grpc;
using Fairlead.Linux.Files;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>The calls of a CRI endpoint that the node uses (kubernetes/cri-api, runtime/v1/api.proto). Thread-safe.</summary>
internal sealed class CriClient(string socket) : IDisposable
{
    private const string Runtime = "runtime.v1.RuntimeService/";
    private const string Images = "runtime.v1.ImageService/";
    private readonly GrpcChannel _channel = GrpcChannel.OfUnixSocket(socket, "fairlead-agent");

    public GrpcChannel Channel => _channel;

    public string Socket => socket;

    public void Dispose() => _channel.Dispose();

    /// <summary>Name and version of the runtime.</summary>
    public async Task<(string Name, string Version)> VersionAsync(CancellationToken cancel)
    {
        var answer = await CallAsync(Runtime + "Version", [], cancel);
        return (WireMessage.TextOf(answer, 2), WireMessage.TextOf(answer, 3));
    }

    /// <summary>Answers the sandbox's id.</summary>
    public async Task<string> RunSandboxAsync(byte[] config, string handler, CancellationToken cancel) =>
        WireMessage.TextOf(await CallAsync(Runtime + "RunPodSandbox", SandboxMessages.Run(config, handler), cancel), 1);

    public Task StopSandboxAsync(string id, CancellationToken cancel) => CallAsync(Runtime + "StopPodSandbox", One(id), cancel);

    public Task RemoveSandboxAsync(string id, CancellationToken cancel) => CallAsync(Runtime + "RemovePodSandbox", One(id), cancel);

    /// <summary>The sandbox's address; null with the node's network.</summary>
    public async Task<string?> AddressOfAsync(string id, CancellationToken cancel) =>
        SandboxMessages.ReadAddress(await CallAsync(Runtime + "PodSandboxStatus", One(id), cancel));

    public async Task<List<ListedSandbox>> ListSandboxesAsync(IEnumerable<KeyValuePair<string, string>> labels, CancellationToken cancel) =>
        SandboxMessages.ReadList(await CallAsync(Runtime + "ListPodSandbox", SandboxMessages.Filter(3, labels), cancel));

    /// <summary>Answers the container's id.</summary>
    public async Task<string> CreateContainerAsync(byte[] request, CancellationToken cancel) =>
        WireMessage.TextOf(await CallAsync(Runtime + "CreateContainer", request, cancel), 1);

    public Task StartContainerAsync(string id, CancellationToken cancel) => CallAsync(Runtime + "StartContainer", One(id), cancel);

    /// <param name="seconds">Until it is killed; 0: at once.</param>
    public Task StopContainerAsync(string id, long seconds, CancellationToken cancel) => CallAsync(
        Runtime + "StopContainer",
        WireMessage.Write(message =>
        {
            message.Text(1, id);
            message.Optional(2, seconds);
        }),
        cancel);

    public Task RemoveContainerAsync(string id, CancellationToken cancel) => CallAsync(Runtime + "RemoveContainer", One(id), cancel);

    public async Task<List<ListedContainer>> ListContainersAsync(IEnumerable<KeyValuePair<string, string>> labels, CancellationToken cancel) =>
        ContainerMessages.ReadList(await CallAsync(Runtime + "ListContainers", SandboxMessages.Filter(4, labels), cancel));

    public async Task<CriContainerStatus> ContainerStatusAsync(string id, CancellationToken cancel) =>
        ContainerMessages.ReadStatus(await CallAsync(Runtime + "ContainerStatus", One(id), cancel));

    public Task ReopenLogAsync(string id, CancellationToken cancel) => CallAsync(Runtime + "ReopenContainerLog", One(id), cancel);

    /// <summary>Answers where the streams of the process are to be had.</summary>
    public async Task<Uri> ExecAsync(string id, ExecConfig config, CancellationToken cancel)
    {
        var answer = await CallAsync(Runtime + "Exec", WireMessage.Write(message =>
        {
            message.Text(1, id);
            message.Texts(2, config.Command);
            message.Optional(3, config.Tty);
            message.Optional(4, config.Stdin);
            message.Optional(5, true);
            message.Optional(6, !config.Tty);
        }), cancel);
        return new Uri(WireMessage.TextOf(answer, 1));
    }

    /// <inheritdoc cref="ExecAsync"/>
    public async Task<Uri> AttachAsync(string id, bool input, bool tty, CancellationToken cancel)
    {
        var answer = await CallAsync(Runtime + "Attach", WireMessage.Write(message =>
        {
            message.Text(1, id);
            message.Optional(2, input);
            message.Optional(3, tty);
            message.Optional(4, true);
            message.Optional(5, !tty);
        }), cancel);
        return new Uri(WireMessage.TextOf(answer, 1));
    }

    /// <summary>What the container wrote over its image, as the runtime has counted last.</summary>
    public async Task<DiskUse> WrittenAsync(string id, CancellationToken cancel) => StatsMessages.ReadWritten(await CallAsync(Runtime + "ContainerStats", One(id), cancel));

    /// <summary>ImageStatusResponse's image; null: it is not here.</summary>
    public async Task<CriImage?> ImageStatusAsync(string name, CancellationToken cancel) =>
        ImageMessages.ReadStatus(await CallAsync(Images + "ImageStatus", ImageMessages.Named(name), cancel));

    public async Task<List<CriImage>> ListImagesAsync(CancellationToken cancel) => ImageMessages.ReadList(await CallAsync(Images + "ListImages", [], cancel));

    public Task PullImageAsync(string name, Images.Registry.RegistryCredential? credential, CancellationToken cancel) =>
        CallAsync(Images + "PullImage", ImageMessages.Pull(name, credential), cancel);

    public Task RemoveImageAsync(string name, CancellationToken cancel) => CallAsync(Images + "RemoveImage", ImageMessages.Named(name), cancel);

    private static byte[] One(string id) => WireMessage.Write(message => message.Text(1, id));

    private async Task<byte[]> CallAsync(string method, byte[] request, CancellationToken cancel)
    {
        try
        {
            return await _channel.CallAsync(method, request, cancel);
        }
        catch (GrpcException e)
        {
            throw new CriException(e.Code, e.Message, e);
        }
    }
}

/// <summary>What a CRI endpoint refused, or why it was not reached.</summary>
internal sealed class CriException(GrpcCode code, string message, Exception inner) : RuntimeException(message, inner)
{
    public GrpcCode Code => code;
}
