using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Probes;

/// <summary>Carries out one probe: exec, HTTP, TCP or gRPC. Runs in the node's network namespace, as kubelet's probes come from the node.</summary>
internal sealed class ProbeAction(IContainerRuntime runtime, TimeProvider time)
{
    private const int OutputLimit = 10 * 1024;

    public async Task<ProbeVerdict> RunAsync(V1Probe probe, ProbeTarget target, CancellationToken cancel)
    {
        var seconds = probe.TimeoutSeconds ?? 1;
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        try
        {
            if (probe.Exec is { } exec) return await ExecAsync(exec, target, either.Token);
            if (probe.HttpGet is { } http) return await HttpProbe.RunAsync(http, target, either.Token);
            if (probe.TcpSocket is { } tcp) return await TcpAsync(tcp, target, either.Token);
            if (probe.Grpc is { } grpc) return await GrpcHealth.CheckAsync(target.Address, grpc.Port, grpc.Service ?? "", either.Token);
            return ProbeVerdict.Failed("missing probe handler");
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return ProbeVerdict.Failed($"command timed out or no answer within {seconds}s: context deadline exceeded");
        }
        catch (Exception e) when (e is RuntimeException or SocketException or HttpRequestException or IOException or AuthenticationException)
        {
            return ProbeVerdict.Failed(e.Message);
        }
    }

    private async Task<ProbeVerdict> ExecAsync(V1ExecAction exec, ProbeTarget target, CancellationToken cancel)
    {
        await using var session = await runtime.ExecAsync(target.Pod.Metadata.Uid, target.ContainerId, new ExecConfig([.. exec.Command ?? []], false, false), cancel);
        await using var kill = cancel.UnsafeRegister(static state => ((IExecSession)state!).Kill(), session);
        var outputs = await Task.WhenAll(ReadAsync(session.Output), ReadAsync(session.Errors!));
        return await session.WaitAsync(cancel) == 0 ? ProbeVerdict.Passed : ProbeVerdict.Failed(string.Concat(outputs));
    }

    /// <summary>To the end, so that the program never stands still; the start is kept.</summary>
    private static async Task<string> ReadAsync(Stream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer) is var count and > 0)
        {
            if (text.Length < OutputLimit) text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        return text.ToString();
    }

    private static async Task<ProbeVerdict> TcpAsync(V1TCPSocketAction tcp, ProbeTarget target, CancellationToken cancel)
    {
        if (target.Port(tcp.Port) is not { } port) return ProbeVerdict.Failed($"couldn't find port: {tcp.Port.Value}");
        var host = tcp.Host is { Length: > 0 } given ? given : target.Address;
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(host, port, cancel);
            return ProbeVerdict.Passed;
        }
        catch (SocketException e)
        {
            return ProbeVerdict.Failed($"dial tcp {host}:{port}: connect: {e.Message.ToLowerInvariant()}");
        }
    }
}
