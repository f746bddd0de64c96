using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Kube.Streams;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// A container's own streams, through conmon's attach socket (conmon, src/conn_sock.c): a packet from it is a byte that names
/// the stream, then what was written there; a packet to it is input. Ending it ends nothing but the conversation.
/// </summary>
internal sealed class ConmonAttach : IExecSession
{
    private const byte FromErrors = 3;

    /// <summary>conmon reads no more of a packet at once; the rest would be lost.</summary>
    private const int LongestInput = 8 * 1024;
    private const int LongestOutput = 64 * 1024;

    private readonly Socket _socket;
    private readonly string? _terminal;
    private readonly bool _once;
    private readonly Pipe _output = new();
    private readonly Pipe? _errors;
    private readonly Task _receiving;

    private ConmonAttach(Socket socket, bool input, bool once, string? terminal)
    {
        (_socket, _once, _terminal) = (socket, once, terminal);
        _errors = terminal is null ? new Pipe() : null;
        Input = input ? new PacketStream(socket) : null;
        Output = _output.Reader.AsStream();
        Errors = _errors?.Reader.AsStream();
        _receiving = ReceiveAsync();
    }

    public Stream? Input { get; }

    public Stream Output { get; }

    public Stream? Errors { get; }

    /// <param name="bundle">The container's folder, where conmon has its socket.</param>
    /// <param name="once">The end of this client's input is the container's.</param>
    /// <param name="terminal">Path of the container's terminal; null when it has none.</param>
    /// <param name="shortFolder">A folder whose path is short enough: the kernel takes 107 bytes of a socket's path.</param>
    /// <exception cref="RuntimeException">conmon is not there.</exception>
    public static async Task<ConmonAttach> ConnectAsync(string bundle, string shortFolder, bool input, bool once, string? terminal, CancellationToken cancel)
    {
        var link = $"{shortFolder}/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var socket = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        try
        {
            File.CreateSymbolicLink(link, bundle);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{link}/attach"), cancel);
            return new ConmonAttach(socket, input, once, terminal);
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is SocketException or IOException or ArgumentException) throw new RuntimeException($"cannot reach the container's supervisor: {e.Message}", e);
            throw;
        }
        finally
        {
            File.Delete(link);
        }
    }

    /// <summary>
    /// A container whose stdin is for one client only (stdinOnce) reads its end then; for conmon was told so. From any other the client
    /// is detached, as CRI runtimes do: the container's input stays open, and <c>kubectl run --attach --leave-stdin-open</c> comes back.
    /// </summary>
    public void CloseInput()
    {
        try
        {
            if (Input is not null) _socket.Shutdown(_once && _terminal is null ? SocketShutdown.Send : SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Over already.
        }
    }

    /// <summary>
    /// Sets it on the container's terminal itself, as the container sees it: conmon's fifo takes sizes too, but of two lines that it
    /// reads at once it takes the first one twice, and clients send two at their start.
    /// </summary>
    public void Resize(ushort columns, ushort rows)
    {
        if (_terminal is null) return;
        try
        {
            using var terminal = File.OpenHandle(_terminal, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            TerminalStream.Resize(terminal, columns, rows);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The container has ended.
        }
    }

    public void Kill() => _socket.Dispose();

    /// <summary>How the container ended is the pod's status to tell.</summary>
    public async Task<int> WaitAsync(CancellationToken cancel)
    {
        await _receiving.WaitAsync(cancel);
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await Output.DisposeAsync();
        if (Errors is not null) await Errors.DisposeAsync();
        await _receiving;
    }

    private async Task ReceiveAsync()
    {
        var packet = new byte[LongestOutput];
        try
        {
            while (await _socket.ReceiveAsync(packet) is var count and > 0)
            {
                var stream = packet[0] == FromErrors && _errors is not null ? _errors : _output;
                await stream.Writer.WriteAsync(packet.AsMemory(1, count - 1));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The container has ended, or nobody listens any more.
        }
        await _output.Writer.CompleteAsync();
        if (_errors is not null) await _errors.Writer.CompleteAsync();
    }

    /// <summary>Writes packets, none longer than conmon takes.</summary>
    private sealed class PacketStream(Socket socket) : AsyncStream
    {
        public override bool CanWrite => true;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                for (; !buffer.IsEmpty; buffer = buffer[Math.Min(buffer.Length, LongestInput)..])
                    await socket.SendAsync(buffer[..Math.Min(buffer.Length, LongestInput)], SocketFlags.None, cancellationToken);
            }
            catch (SocketException e)
            {
                throw new IOException(e.Message, e);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    }
}
