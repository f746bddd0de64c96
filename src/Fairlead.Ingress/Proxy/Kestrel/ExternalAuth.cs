using System.Collections.Frozen;
using System.Net;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>What the asked service said.</summary>
/// <param name="Status">0: go on.</param>
/// <param name="Location">Where to sign in.</param>
/// <param name="Headers">For the pod where it goes on, for the client where it does not.</param>
/// <param name="Cookies">Set-Cookie fields for the client where it goes on.</param>
internal readonly record struct AuthVerdict(int Status, string? Location, IReadOnlyList<KeyValuePair<string, string>> Headers, IReadOnlyList<string> Cookies)
{
    internal static AuthVerdict Refusal(HttpStatusCode status, string? location = null) => new((int)status, location, [], []);
}

/// <summary>Asks another service before a request goes on (annotation auth-url): 2xx lets it through, 401 and 403 do not, and anything else is an error.</summary>
internal sealed class ExternalAuth(Upstreams upstreams, TimeProvider time)
{
    /// <summary>The client's fields that the question does not take over: those of one hop, of the body, and those that are said anew.</summary>
    private static readonly FrozenSet<string> NotCopied = FrozenSet.ToFrozenSet(
        ["Connection", "Keep-Alive", "Proxy-Connection", "Proxy", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Expect", "Host", "Content-Length", "Content-Encoding", "Content-Type",
            "X-Original-URL", "X-Original-Method", "X-Sent-From", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Auth-Request-Redirect", "X-Request-ID", "Forwarded"],
        StringComparer.OrdinalIgnoreCase);

    internal async Task<AuthVerdict> AskAsync(Route route, ExternalAuthOptions auth, KestrelRequest request, CancellationToken cancel)
    {
        if (!Uri.TryCreate(Policy.Expand(auth.Url, request), UriKind.Absolute, out var url)) return AuthVerdict.Refusal(HttpStatusCode.InternalServerError);
        var scheme = request.IsHttps ? "https" : "http";
        using var question = Question(auth, request, url, scheme);
        question.Options.Set(Upstreams.ConnectTimeout, route.Options.ConnectTimeout);
        using var patience = new CancellationTokenSource(route.Options.ReadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        try
        {
            using var answer = await upstreams.Invoker.SendAsync(question, either.Token);
            return Judge(auth, request, answer, scheme);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // Nobody vouches: nginx answers 500 too.
            return AuthVerdict.Refusal(HttpStatusCode.InternalServerError);
        }
    }

    private static HttpRequestMessage Question(ExternalAuthOptions auth, KestrelRequest request, Uri url, string scheme)
    {
        var question = new HttpRequestMessage(new HttpMethod(auth.Method ?? "GET"), url);
        var headers = question.Headers;
        foreach (var (name, values) in request.Fields)
        {
            if (name[0] != ':' && !NotCopied.Contains(name)) headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        headers.TryAddWithoutValidation("X-Original-URL", $"{scheme}://{request.Authority}{request.Target.Raw}");
        headers.TryAddWithoutValidation("X-Original-Method", request.Method);
        headers.TryAddWithoutValidation("X-Sent-From", "nginx-ingress-controller");
        headers.TryAddWithoutValidation("X-Real-IP", request.Client.ToString());
        headers.TryAddWithoutValidation("X-Forwarded-For", request.Client.ToString());
        headers.TryAddWithoutValidation("X-Forwarded-Proto", scheme);
        headers.TryAddWithoutValidation("X-Forwarded-Host", request.Authority);
        headers.TryAddWithoutValidation("X-Auth-Request-Redirect", auth.RequestRedirect is { } redirect ? Policy.Expand(redirect, request) : request.Target.Raw);
        headers.TryAddWithoutValidation("X-Request-ID", request.Id);
        return question;
    }

    private static AuthVerdict Judge(ExternalAuthOptions auth, KestrelRequest request, HttpResponseMessage answer, string scheme)
    {
        if (answer.IsSuccessStatusCode)
        {
            var passed = auth.ResponseHeaders.Select(name => KeyValuePair.Create(name, Value(answer, name))).Where(pair => pair.Value is not null);
            return new AuthVerdict(0, null, [.. passed!], answer.Headers.NonValidated.TryGetValues("Set-Cookie", out var cookies) ? [.. cookies] : []);
        }
        if (answer.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)) return AuthVerdict.Refusal(HttpStatusCode.InternalServerError);
        if (answer.StatusCode == HttpStatusCode.Unauthorized && auth.SignIn is { } signIn)
        {
            var back = Uri.EscapeDataString($"{scheme}://{request.Authority}{request.Target.Raw}");
            var url = Policy.Expand(signIn, request);
            var joined = url.Contains($"{auth.SignInRedirectParameter}=", StringComparison.Ordinal) ? url : $"{url}{(url.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{auth.SignInRedirectParameter}={back}";
            return AuthVerdict.Refusal(HttpStatusCode.Found, joined);
        }
        return new AuthVerdict((int)answer.StatusCode, null, Value(answer, "WWW-Authenticate") is { } challenge ? [KeyValuePair.Create("WWW-Authenticate", challenge)] : [], []);
    }

    private static string? Value(HttpResponseMessage answer, string name) =>
        answer.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
