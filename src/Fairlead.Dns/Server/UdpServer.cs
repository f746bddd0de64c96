using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>
/// One UDP socket and the thread that serves it; several share an address (SO_REUSEPORT), and the kernel spreads clients over
/// them. Hot: a question that is answered at once costs two system calls and no allocation. Buffers: one for what comes in (64 KiB, so that
/// nothing is cut) and one for what goes out, both for the life of the thread.
/// </summary>
internal sealed class UdpServer : IDisposable
{
    private const int SocketLevel = 1;
    private const int ReusePort = 15;
    private const int KernelBuffer = 4 << 20;
    private const int StackSize = 256 << 10;
    private readonly Socket _socket;
    private readonly IPEndPoint _address;
    private readonly QueryHandler _handler;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private volatile bool _stopping;

    private UdpServer(Socket socket, QueryHandler handler, ILogger log)
    {
        _socket = socket;
        _address = (IPEndPoint)socket.LocalEndPoint!;
        _handler = handler;
        _log = log;
        _thread = new Thread(Serve, StackSize) { IsBackground = true, Name = "dns udp" };
    }

    internal IPEndPoint Address => _address;

    /// <exception cref="SocketException">The address is taken or not this machine's.</exception>
    internal static UdpServer Open(IPEndPoint address, QueryHandler handler, ILogger log)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.SetRawSocketOption(SocketLevel, ReusePort, [1, 0, 0, 0]);
            socket.ReceiveBufferSize = KernelBuffer;
            socket.SendBufferSize = KernelBuffer;
            socket.Bind(address);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return new UdpServer(socket, handler, log);
    }

    internal void Start() => _thread.Start();

    public void Dispose()
    {
        _stopping = true;
        _socket.Dispose();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    private void Serve()
    {
        byte[] received = GC.AllocateUninitializedArray<byte>(Limits.Message, pinned: true);
        byte[] response = GC.AllocateUninitializedArray<byte>(Limits.EdnsUdp, pinned: true);
        var client = new SocketAddress(_address.AddressFamily);
        var query = default(Query);
        while (!_stopping)
        {
#pragma warning disable CA1031 // The one ladder of the loop: this question is lost, the process lives.
            try
            {
                int length = _socket.ReceiveFrom(received, SocketFlags.None, client);
                int answered = _handler.TryAnswer(ref query, received.AsSpan(0, length), isUdp: true, response);
                if (answered > 0)
                {
                    _socket.SendTo(response.AsSpan(0, answered), SocketFlags.None, client);
                }
                else if (answered == QueryHandler.Later)
                {
                    _ = AnswerLaterAsync(received[..length], Copy(client));
                }
            }
            catch (Exception) when (_stopping)
            {
                return;
            }
            catch (SocketException e)
            {
                // Among others, that an earlier answer's client had gone (ECONNREFUSED).
                ServerLog.ReceiveFailed(_log, _address, e.Message);
            }
            catch (Exception e)
            {
                ServerLog.QuestionFailed(_log, e);
            }
#pragma warning restore CA1031
        }
    }

    private async Task AnswerLaterAsync(byte[] message, SocketAddress client)
    {
        byte[] response = await _handler.AnswerAsync(message, isUdp: true);
        try
        {
            _socket.SendTo(response, SocketFlags.None, client);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone, or the server stops.
        }
    }

    private static SocketAddress Copy(SocketAddress address)
    {
        var copy = new SocketAddress(address.Family, address.Size);
        address.Buffer.Span[..address.Size].CopyTo(copy.Buffer.Span);
        return copy;
    }
}
