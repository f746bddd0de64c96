using System.Collections.Frozen;

namespace Fairlead.Ingress.Routes;

/// <summary>A backend's endpoints at one moment.</summary>
/// <param name="ByToken">Every endpoint that may still serve its cookies' clients.</param>
/// <param name="Problem">Why there are none, or null.</param>
internal sealed record BackendState(Endpoint[] Endpoints, FrozenDictionary<string, Endpoint> ByToken, string? Problem)
{
    internal static readonly BackendState None = new([], FrozenDictionary<string, Endpoint>.Empty, "the Service does not exist");
}

/// <summary>
/// A port of a Service behind routes. Routes hold the backend; a change of its endpoints swaps its state and touches no route.
/// </summary>
internal sealed class Backend(BackendKey key)
{
    private BackendState _state = BackendState.None;
    private int _turn;

    public BackendKey Key { get; } = key;

    /// <summary>As the access log names it.</summary>
    public string Name { get; } = key.ToString();

    /// <summary>Routes that hold it; counted by the builder.</summary>
    internal int Uses { get; set; }

    public BackendState State
    {
        get => Volatile.Read(ref _state);
        internal set => Volatile.Write(ref _state, value);
    }

    /// <summary>The next turn of a round.</summary>
    public uint NextTurn() => (uint)Interlocked.Increment(ref _turn);
}
