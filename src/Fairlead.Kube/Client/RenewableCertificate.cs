using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Kube.Client;

/// <summary>A certificate with its key that is replaced before it ends, while those who show it go on. Thread-safe.</summary>
/// <param name="first">Null: there is none yet.</param>
public sealed class RenewableCertificate(X509Certificate2? first)
{
    private X509Certificate2? _current = first;

    /// <summary>The one to show in the next handshake.</summary>
    public X509Certificate2? Current => Volatile.Read(ref _current);

    /// <summary>The one before is left to the connections that still show it.</summary>
    public void Replace(X509Certificate2 certificate) => Volatile.Write(ref _current, certificate);
}

/// <summary>
/// Sends with the certificate of now: once it has been replaced, new requests go over new connections, since a server knows a connection
/// by the certificate that was shown when it began. Watches that run go on over the old ones until they end.
/// </summary>
internal sealed class RenewedIdentityHandler(RenewableCertificate certificate, Func<X509Certificate2?, HttpMessageHandler> make) : HttpMessageHandler
{
    private readonly Lock _lock = new();
    private X509Certificate2? _shown = certificate.Current;
    private HttpMessageInvoker _invoker = new(make(certificate.Current));

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Present().SendAsync(request, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing) _invoker.Dispose();
        base.Dispose(disposing);
    }

    private HttpMessageInvoker Present()
    {
        lock (_lock)
        {
            var now = certificate.Current;
            if (ReferenceEquals(now, _shown)) return _invoker;
            // Not disposed of: that would break off what is under way. Its connections close when they have been idle.
            (_shown, _invoker) = (now, new HttpMessageInvoker(make(now)));
            return _invoker;
        }
    }
}
