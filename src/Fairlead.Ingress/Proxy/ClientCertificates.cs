using System.Net;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Tls;

namespace Fairlead.Ingress.Proxy;

/// <summary>What becomes of a request by its client's certificate, and what the pod hears of it. Pure; refusals are nginx' own.</summary>
internal static class ClientCertificates
{
    /// <param name="verdict">Of the connection's handshake; null where none was asked for.</param>
    internal static Decision Decide(Route route, ClientVerdict? verdict, IRequest request, int httpsPort)
    {
        if (route.ClientAuth is not { } auth) return Decision.GoOn;
        // Over plain HTTP nobody can show a certificate.
        if (!request.IsHttps) return auth.Rule.Verify == ClientVerify.On ? Policy.ToHttps(request, httpsPort) : Named(auth, "");
        // Asked by another host's rule, or before this one came: RFC 9110, section 15.5.20, has the client connect anew.
        if (verdict is null || (!ReferenceEquals(verdict.Rule, auth.Rule) && verdict.Rule != auth.Rule)) return new Decision((int)HttpStatusCode.MisdirectedRequest);
        if (verdict.Client is null) return auth.Rule.Verify == ClientVerify.On ? Refuse(auth, request, "No required SSL certificate was sent") : Named(auth, "");
        var isGood = verdict.Verify == ClientVerdict.Success || (auth.Rule.Verify == ClientVerify.OptionalNoAuthority && verdict.IsOnlyUntrusted);
        return isGood ? Named(auth, verdict.Client.Subject) : Refuse(auth, request, "The SSL certificate error");
    }

    internal static void Write<TSink>(TSink sink, ClientAuth auth, ClientVerdict? verdict) where TSink : IHeaderSink
    {
        Set(sink, "ssl-client-verify", verdict?.Verify ?? "NONE");
        Set(sink, "ssl-client-subject-dn", verdict?.Client?.Subject);
        Set(sink, "ssl-client-issuer-dn", verdict?.Client?.Issuer);
        Set(sink, "ssl-client-cert", auth.Rule.PassesCertificate ? verdict?.Client?.Certificate : null);
    }

    private static Decision Named(ClientAuth auth, string subject) =>
        auth.IsNamed(subject) ? Decision.GoOn : new Decision((int)HttpStatusCode.Forbidden, Reason: "client certificate unauthorized");

    private static Decision Refuse(ClientAuth auth, IRequest request, string reason) => auth.Rule.ErrorPage is { } page
        ? new Decision((int)HttpStatusCode.Found, Policy.Expand(page, request))
        : new Decision((int)HttpStatusCode.BadRequest, Reason: reason);

    /// <summary>What a client says of itself here is taken away in any case.</summary>
    private static void Set<TSink>(TSink sink, string name, string? value) where TSink : IHeaderSink
    {
        if (value is null) sink.Remove(name);
        else sink.Set(name, value);
    }
}
