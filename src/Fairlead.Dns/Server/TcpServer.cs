using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>
/// DNS over TCP (RFC 7766): each message after its length in two bytes; several questions may be under way on a connection, answered as
/// the answers come; a connection without a question for a while is closed.
/// </summary>
internal sealed class TcpServer : IAsyncDisposable
{
    private const int LengthBytes = sizeof(ushort);
    private const int Backlog = 512;
    private readonly Socket _listener;
    private readonly IQueryHandlers _handlers;
    private readonly TcpLimits _limits;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, byte> _connections = new();
    private Task _accepting = Task.CompletedTask;

    private TcpServer(Socket listener, IQueryHandlers handlers, TcpLimits limits, ILogger log, TimeProvider time)
    {
        _listener = listener;
        _handlers = handlers;
        _limits = limits;
        _log = log;
        _time = time;
    }

    internal IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    /// <param name="handlers">Gives each connection a handler of its own.</param>
    /// <exception cref="SocketException">The address is taken or not this machine's.</exception>
    internal static TcpServer Open(IPEndPoint address, IQueryHandlers handlers, TcpLimits limits, ILogger log, TimeProvider time)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(address);
            socket.Listen(Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return new TcpServer(socket, handlers, limits, log, time);
    }

    internal void Start() => _accepting = Task.Run(AcceptAsync);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections.Keys);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener.AcceptAsync(_stop.Token);
                if (_connections.Count >= _limits.Connections)
                {
                    socket.Dispose();
                    continue;
                }
                Task connection = ServeAsync(socket);
                _connections.TryAdd(connection, 0);
                _ = connection.ContinueWith(done => _connections.TryRemove(done, out _), TaskScheduler.Default);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                ServerLog.ReceiveFailed(_log, Address, e.Message);
                await Task.Delay(_limits.PauseAfterFailure, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        QueryHandler handler = _handlers.Open();
#pragma warning disable CA1031 // The one ladder of a connection: it is closed, the process lives.
        try
        {
            using (socket)
            {
                await new Connection(socket, handler, _limits, _time).RunAsync(_stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client went, was idle, or the server stops.
        }
        catch (Exception e)
        {
            ServerLog.QuestionFailed(_log, e);
        }
        finally
        {
            _handlers.Close(handler);
        }
#pragma warning restore CA1031
    }

#pragma warning disable CA1001 // The semaphores hold nothing of the system's, and answers under way may outlive the connection.
    private sealed class Connection(Socket socket, QueryHandler handler, TcpLimits limits, TimeProvider time)
    {
        /// <summary>Of the reading loop alone: an answer is copied out of it before the next question is read.</summary>
        private readonly byte[] _response = new byte[Limits.Message];
        private readonly IPEndPoint _client = (IPEndPoint)socket.RemoteEndPoint!;
        private readonly SemaphoreSlim _writing = new(1);
        private readonly SemaphoreSlim _pending = new(limits.Pipelined);

        internal async Task RunAsync(CancellationToken stop)
        {
            await using var stream = new NetworkStream(socket);
            byte[] head = new byte[LengthBytes];
            using var idle = CancellationTokenSource.CreateLinkedTokenSource(stop);
            using ITimer timer = time.CreateTimer(_ => idle.Cancel(), null, limits.Idle, Timeout.InfiniteTimeSpan);
            while (await stream.ReadAtLeastAsync(head, LengthBytes, throwOnEndOfStream: false, idle.Token) == LengthBytes)
            {
                byte[] message = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(message, idle.Token);
                timer.Change(limits.Idle, Timeout.InfiniteTimeSpan);
                await _pending.WaitAsync(idle.Token);
                Client client = Client.From(_client, isUdp: false, time.GetTimestamp());
                if (TryAnswer(message, client) is { } response)
                {
                    await WriteAsync(stream, response, idle.Token);
                    _pending.Release();
                }
                else
                {
                    _ = AnswerLaterAsync(stream, message, client, idle.Token);
                }
            }
            // The client may have closed its half only, and waits for what it asked.
            for (int i = 0; i < limits.Pipelined; i++)
            {
                await _pending.WaitAsync(idle.Token);
            }
        }

        /// <summary>The framed response, empty when there shall be none; null when it takes time.</summary>
        private byte[]? TryAnswer(byte[] message, in Client client)
        {
            var query = default(Query);
            int length = handler.TryAnswer(ref query, message, client, _response);
            return length switch
            {
                QueryHandler.Later => null,
                0 => [],
                _ => Frame(_response.AsSpan(0, length)),
            };
        }

        private async Task AnswerLaterAsync(NetworkStream stream, byte[] message, Client client, CancellationToken cancel)
        {
            try
            {
                await WriteAsync(stream, Frame(await handler.AnswerAsync(message, client)), cancel);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client went, or the server stops.
            }
            finally
            {
                _pending.Release();
            }
        }

        private async Task WriteAsync(NetworkStream stream, byte[] framed, CancellationToken cancel)
        {
            await _writing.WaitAsync(cancel);
            try
            {
                await stream.WriteAsync(framed, cancel);
            }
            finally
            {
                _writing.Release();
            }
        }

        private static byte[] Frame(ReadOnlySpan<byte> response)
        {
            byte[] framed = new byte[LengthBytes + response.Length];
            BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)response.Length);
            response.CopyTo(framed.AsSpan(LengthBytes));
            return framed;
        }
    }
#pragma warning restore CA1001
}

internal sealed record TcpLimits
{
    /// <summary>How long a connection may be without a question.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Questions under way on one connection; more are not read until one is answered.</summary>
    public int Pipelined { get; init; } = 100;

    /// <summary>Connections at a time; more are closed at once.</summary>
    public int Connections { get; init; } = 1000;

    /// <summary>Before the next connection is taken when one could not be, as when descriptors have run out.</summary>
    public TimeSpan PauseAfterFailure { get; init; } = TimeSpan.FromMilliseconds(100);
}
