using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Fairlead.Linux;
using Fairlead.Linux.Sockets;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>
/// One UDP socket and the thread that serves it; several share an address (SO_REUSEPORT), and the kernel spreads clients over
/// them. Hot: what waits is taken with one system call and answered with another, and a question that is answered at once
/// allocates nothing. Buffers: 32 × (4096 bytes in + 1232 out), for the life of the thread.
/// </summary>
internal sealed class UdpServer : IDisposable
{
    private const int SocketLevel = 1;
    private const int ReusePort = 15;
    private const int KernelBuffer = 4 << 20;
    private const int BatchSize = 32;
    private const int LongestQuery = 4096;
    private const int StackSize = 256 << 10;
    private readonly Socket _socket;
    private readonly IPEndPoint _address;
    private readonly QueryHandler _handler;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private volatile bool _stopping;

    private UdpServer(Socket socket, QueryHandler handler, ILogger log, TimeProvider time)
    {
        _socket = socket;
        _address = (IPEndPoint)socket.LocalEndPoint!;
        _handler = handler;
        _log = log;
        _time = time;
        _thread = new Thread(Serve, StackSize) { IsBackground = true, Name = "dns udp" };
    }

    internal IPEndPoint Address => _address;

    /// <exception cref="SocketException">The address is taken or not this machine's.</exception>
    internal static UdpServer Open(IPEndPoint address, QueryHandler handler, ILogger log, TimeProvider time)
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
        return new UdpServer(socket, handler, log, time);
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
        bool isAny = _address.Address.Equals(IPAddress.Any) || _address.Address.Equals(IPAddress.IPv6Any);
        using var batch = new DatagramBatch(_socket, BatchSize, LongestQuery, Limits.EdnsUdp, isAny);
        var query = default(Query);
        while (!_stopping)
        {
            try
            {
                int count = batch.Receive();
                long now = _time.GetTimestamp();
                for (int i = 0; i < count; i++)
                {
                    Answer(batch, i, now, ref query);
                }
                int answered = batch.Flush();
                _handler.Counters.CountTimes(answered, _time.GetElapsedTime(now));
            }
            catch (LinuxException e)
            {
                if (_stopping)
                {
                    return;
                }
                // Among others, that an earlier answer's client had gone (ECONNREFUSED).
                ServerLog.ReceiveFailed(_log, _address, e.Message);
            }
        }
    }

    private void Answer(DatagramBatch batch, int index, long now, ref Query query)
    {
#pragma warning disable CA1031 // The one ladder of a question: it is lost, the process lives.
        try
        {
            ReadOnlySpan<byte> message = batch.Received(index);
            Client client = Client.From(batch.Sender(index, out ushort port), port, isUdp: true, now);
            int length = _handler.TryAnswer(ref query, message, client, batch.Answer(index));
            if (length > 0)
            {
                batch.Queue(index, length);
            }
            else if (length == QueryHandler.Later)
            {
                _ = AnswerLaterAsync(message.ToArray(), client, batch.Source(index));
            }
        }
        catch (Exception e)
        {
            ServerLog.QuestionFailed(_log, e);
        }
#pragma warning restore CA1031
    }

    private async Task AnswerLaterAsync(byte[] message, Client client, DatagramSource source)
    {
        byte[] response = await _handler.AnswerAsync(message, client);
        try
        {
            DatagramBatch.Send(_socket, source, response);
        }
        catch (ObjectDisposedException)
        {
            // The server stops.
        }
    }
}
