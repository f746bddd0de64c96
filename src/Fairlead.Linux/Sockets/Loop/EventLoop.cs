using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Sockets.Loop;

/// <summary>
/// One thread that waits for many sockets (epoll(7), edge-triggered) and runs what waits for them: no hop to another thread between a
/// packet's arrival and the code that reads it. Sockets of a loop are used by its thread only; <see cref="Post"/> is for the others.
/// What runs here must not block.
/// </summary>
public sealed unsafe class EventLoop : IDisposable
{
    private const int MostEvents = 256;
    private const ulong WakeUp = ulong.MaxValue;
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(250);
    private readonly TimeProvider _time;
    private readonly Action<Exception> _failed;
    private readonly int _epoll;
    private readonly int _wake;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly Queue<Readiness> _yielded = new();
    private readonly Stack<Readiness> _spare = new();
    private readonly List<Action> _onSweep = [];
    private LoopSocket?[] _slots = new LoopSocket?[64];
    private readonly Stack<int> _free = new();
    private int _used;
    private uint _generation;
    private long _nextSweep;
    private int _isAwake;
    private volatile bool _isStopped;

    /// <param name="failed">Told of an exception that nothing in the loop caught; the loop goes on.</param>
    /// <exception cref="LinuxException">The kernel has no descriptor left.</exception>
    public EventLoop(string name, TimeProvider time, Action<Exception> failed)
    {
        (_time, _failed) = (time, failed);
        _epoll = Libc.EpollCreate(Libc.CloseOnExec);
        if (_epoll < 0) throw LinuxException.Last("epoll_create1");
        _wake = Libc.EventDescriptor(0, Libc.NonBlocking | Libc.CloseOnExec);
        if (_wake < 0) throw LinuxException.Last("eventfd");
        Watch(_wake, Libc.EpollIn | Libc.EpollEdge, WakeUp);
        Now = time.GetTimestamp();
        _thread = new Thread(Run) { IsBackground = true, Name = name };
    }

    /// <summary>Timestamp of the last time that something was ready.</summary>
    public long Now { get; private set; }

    public TimeProvider Time => _time;

    public bool IsCurrent => Environment.CurrentManagedThreadId == _thread.ManagedThreadId;

    public void Start() => _thread.Start();

    /// <summary>Has it done on the loop's thread. Any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        if (Interlocked.Exchange(ref _isAwake, 1) != 0) return;
        ulong one = 1;
        Libc.WriteDescriptor(_wake, &one, sizeof(ulong));
    }

    /// <summary>Lets the others have a turn.</summary>
    public ValueTask<int> Yield()
    {
        var turn = _spare.TryPop(out var spare) ? spare : new Readiness();
        _yielded.Enqueue(turn);
        return turn.Wait();
    }

    /// <summary>To await: what follows runs on the loop's thread, wherever the caller is.</summary>
    public LoopEntry Enter() => new(this);

    /// <summary>Called a few times a second on the loop's thread. To be called on it, or before it starts.</summary>
    public void OnSweep(Action action) => _onSweep.Add(action);

    /// <summary>Ends the thread, and closes what sockets are left.</summary>
    public void Dispose()
    {
        Post(() => _isStopped = true);
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted)) Close();
        else if (!IsCurrent) _thread.Join();
    }

    internal ulong Add(LoopSocket socket, int descriptor, uint events)
    {
        var slot = _free.TryPop(out var free) ? free : _used++;
        if (slot >= _slots.Length) Array.Resize(ref _slots, _slots.Length * 2);
        _slots[slot] = socket;
        var id = ((ulong)(++_generation & 0x7fffffff) << 32) | (uint)slot;
        Watch(descriptor, events, id);
        return id;
    }

    internal void Remove(ulong id, int descriptor)
    {
        Libc.EpollChange(_epoll, Libc.EpollRemove, descriptor, null);
        Forget(id);
    }

    /// <summary>The descriptor is about to be closed, which ends its watch.</summary>
    internal void Forget(ulong id)
    {
        var slot = (int)(uint)id;
        _slots[slot] = null;
        _free.Push(slot);
    }

    private void Watch(int descriptor, uint events, ulong id)
    {
        var wanted = new Libc.EpollEvent { Events = events, Data = id };
        if (Libc.EpollChange(_epoll, Libc.EpollAdd, descriptor, &wanted) != 0) throw LinuxException.Last("epoll_ctl");
    }

    private void Run()
    {
        var events = stackalloc Libc.EpollEvent[MostEvents];
        while (!_isStopped)
        {
            var count = Libc.EpollWaitFor(_epoll, events, MostEvents, _yielded.Count > 0 ? 0 : (int)SweepEvery.TotalMilliseconds);
            if (count < 0 && Marshal.GetLastPInvokeError() != (int)Errno.Interrupted) throw LinuxException.Last("epoll_wait");
            Now = _time.GetTimestamp();
            for (var i = 0; i < count; i++) Guarded(events[i].Data, events[i].Events);
            for (var turns = _yielded.Count; turns > 0; turns--) Resume();
            if (Now >= _nextSweep) Sweep();
        }
        Close();
    }

    private void Guarded(ulong id, uint events)
    {
#pragma warning disable CA1031 // The one ladder of a loop: what failed is told of, the others go on.
        try
        {
            if (id == WakeUp) TakePosted();
            else if (_slots[(int)(uint)id] is { } socket && socket.Id == id) socket.OnEvents(events);
        }
        catch (Exception e)
        {
            _failed(e);
        }
#pragma warning restore CA1031
    }

    private void TakePosted()
    {
        ulong count;
        Libc.ReadDescriptor(_wake, &count, sizeof(ulong));
        Interlocked.Exchange(ref _isAwake, 0);
        for (var left = _posted.Count; left > 0 && _posted.TryDequeue(out var action); left--)
        {
            try
            {
                action();
            }
            catch (Exception e) when (Tell(e))
            {
                // The others are not to be lost.
            }
        }
        if (!_posted.IsEmpty) Post(static () => { });
    }

    private bool Tell(Exception e)
    {
        _failed(e);
        return true;
    }

    private void Resume()
    {
        var turn = _yielded.Dequeue();
        _spare.Push(turn);
        turn.Complete(0);
    }

    private void Sweep()
    {
        _nextSweep = Now + (long)(SweepEvery.TotalSeconds * _time.TimestampFrequency);
        foreach (var action in _onSweep) action();
        for (var slot = 0; slot < _used; slot++) _slots[slot]?.OnSweep(Now);
    }

    private void Close()
    {
        for (var slot = 0; slot < _used; slot++) _slots[slot]?.Dispose();
        Libc.CloseDescriptor(_epoll);
        Libc.CloseDescriptor(_wake);
    }
}
