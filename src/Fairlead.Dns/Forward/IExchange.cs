namespace Fairlead.Dns.Forward;

/// <summary>How one server is asked.</summary>
internal interface IExchange : IDisposable
{
    /// <summary>Sends a query and waits for its answer, which is checked to be one.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The server cannot be reached.</exception>
    /// <exception cref="IOException">It closed the connection, or answered something else.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">It is not who it should be.</exception>
    Task<byte[]> AskAsync(byte[] query, CancellationToken cancel);
}
