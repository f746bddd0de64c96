using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Tls;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>What is found out about one request on its way.</summary>
internal sealed class Exchange(KestrelRequest request, long start)
{
    internal KestrelRequest Request { get; } = request;

    /// <summary>Timestamp of its arrival.</summary>
    internal long Start { get; } = start;

    internal Route? Route { get; set; }

    /// <summary>Of the client's certificate; null where none was asked for.</summary>
    internal ClientVerdict? Verdict { get; set; }

    internal string User { get; set; } = "";

    internal Endpoint? Endpoint { get; set; }

    internal TimeSpan UpstreamTook { get; set; }

    /// <summary>For the pod, of the service that vouched for the client.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Vouched { get; set; } = [];

    /// <summary>For the client, of the same service: values of Set-Cookie.</summary>
    internal IReadOnlyList<string> VouchedCookies { get; set; } = [];

    /// <summary>A status of the pod's that an error page stands in for; 0 for none.</summary>
    internal int Intercepted { get; set; }

    internal CountingBody? Body { get; set; }
}
