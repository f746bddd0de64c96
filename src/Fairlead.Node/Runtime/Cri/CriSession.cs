using System.Globalization;
using System.Text;
using System.Text.Json;
using Fairlead.Kube.Json;
using Fairlead.Node.Streaming.Spdy;
using k8s.Models;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>A process whose streams a CRI streaming server carries.</summary>
internal sealed class CriSession : IExecSession
{
    private readonly CriStreams _streams;
    private readonly SpdyStream? _input;
    private readonly SpdyStream? _sizes;
    private readonly SpdyStream _result;
    private readonly Action? _kill;
    private int _isOver;

    /// <param name="kill">Ends the process; null: it is the container's own, which outlives us.</param>
    private CriSession(CriStreams streams, SpdyStream? input, SpdyStream output, SpdyStream? errors, SpdyStream result, SpdyStream? sizes, Action? kill)
    {
        (_streams, _input, _result, _sizes, _kill) = (streams, input, result, sizes, kill);
        Input = input is null ? null : new SpdyByteStream(input);
        Output = new SpdyByteStream(output);
        Errors = errors is null ? null : new SpdyByteStream(errors);
    }

    public Stream? Input { get; }

    public Stream Output { get; }

    public Stream? Errors { get; }

    /// <param name="runtime">Socket of the runtime that serves the streams.</param>
    public static async Task<CriSession> OpenAsync(Uri url, string runtime, bool input, bool tty, Action? kill, TimeProvider time, CancellationToken cancel)
    {
        var streams = await CriStreams.ConnectAsync(url, runtime, time, cancel);
        try
        {
            var result = await streams.OpenAsync("error", cancel);
            var stdin = input ? await streams.OpenAsync("stdin", cancel) : null;
            var stdout = await streams.OpenAsync("stdout", cancel);
            var stderr = tty ? null : await streams.OpenAsync("stderr", cancel);
            var sizes = tty ? await streams.OpenAsync("resize", cancel) : null;
            return new CriSession(streams, stdin, stdout, stderr, result, sizes, kill);
        }
        catch (Exception e)
        {
            await streams.DisposeAsync();
            if (e is IOException) throw new RuntimeException(e.Message, e);
            throw;
        }
    }

    public void CloseInput()
    {
        if (_input is not null) Forget(_input.CompleteAsync(CancellationToken.None));
    }

    public void Resize(ushort columns, ushort rows)
    {
        if (_sizes is null) return;
        var size = string.Create(CultureInfo.InvariantCulture, $"{{\"Width\":{columns},\"Height\":{rows}}}\n");
        Forget(_sizes.WriteAsync(Encoding.ASCII.GetBytes(size), CancellationToken.None));
    }

    public async Task<int> WaitAsync(CancellationToken cancel)
    {
        var text = new MemoryStream();
        await new SpdyByteStream(_result).CopyToAsync(text, cancel);
        var code = Parse(text.ToArray());
        _isOver = 1;
        return code;
    }

    public void Kill()
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0) return;
        _kill?.Invoke();
        // Whoever still reads finds the streams at their end.
        _ = _streams.DisposeAsync().AsTask();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0) _kill?.Invoke();
        await _streams.DisposeAsync();
    }

    /// <summary>The Status that ends the session: success, an exit code, or why the process was not started.</summary>
    /// <exception cref="RuntimeException">It was not, or the server went away.</exception>
    internal static int Parse(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) throw new RuntimeException("the runtime's streams ended without a result");
        V1Status? status;
        try
        {
            status = KubeJson.Deserialize<V1Status>(json);
        }
        catch (JsonException e)
        {
            throw new RuntimeException($"the runtime's result cannot be read: {e.Message}", e);
        }
        if (status?.Status == "Success") return 0;
        var cause = status?.Details?.Causes?.FirstOrDefault(one => one.Reason == "ExitCode")?.Message;
        return int.TryParse(cause, CultureInfo.InvariantCulture, out var code) ? code : throw new RuntimeException(Words(status?.Message));
    }

    /// <summary>Without what clients of the streams put before it, as the node's own kubelet API does.</summary>
    private static string Words(string? message)
    {
        const string Before = "failed to exec in container: ";
        var at = message?.IndexOf(Before, StringComparison.Ordinal) ?? -1;
        return at < 0 ? message ?? "the process was not started" : message![(at + Before.Length)..];
    }

    /// <summary>A peer that is gone shows at the streams' ends.</summary>
    private static async void Forget(ValueTask sending)
    {
        try
        {
            await sending;
        }
        catch (IOException)
        {
        }
    }
}
