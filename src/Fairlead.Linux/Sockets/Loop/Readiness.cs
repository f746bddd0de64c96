using System.Threading.Tasks.Sources;

namespace Fairlead.Linux.Sockets.Loop;

/// <summary>
/// One thing that a coroutine of a loop waits for, used again and again: nothing is allocated for a wait. What waits goes on inside
/// <see cref="Complete"/>, on the loop's thread, whatever scheduler or context it came from: that is the point of a loop.
/// </summary>
internal sealed class Readiness : IValueTaskSource<int>
{
    private Action<object?>? _continuation;
    private object? _state;
    private int _result;
    private short _version;
    private bool _isDone;

    internal bool IsWaiting { get; private set; }

    internal ValueTask<int> Wait()
    {
        if (IsWaiting) throw new InvalidOperationException("one operation at a time");
        IsWaiting = true;
        _isDone = false;
        _continuation = null;
        return new ValueTask<int>(this, ++_version);
    }

    internal void Complete(int result)
    {
        IsWaiting = false;
        _isDone = true;
        _result = result;
        if (_continuation is not { } go) return;
        var state = _state;
        (_continuation, _state) = (null, null);
        go(state);
    }

    public int GetResult(short token) => token == _version ? _result : throw new InvalidOperationException("the wait is over");

    public ValueTaskSourceStatus GetStatus(short token) => _isDone ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (_isDone)
        {
            continuation(state);
            return;
        }
        _state = state;
        _continuation = continuation;
    }
}
