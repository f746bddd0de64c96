namespace Fairlead.Ingress.Metrics;

/// <summary>One request, when it is over.</summary>
/// <param name="BytesIn">Length of the request's body as declared; 0 where it was not.</param>
/// <param name="Upstream">Address of the last endpoint asked; null for none.</param>
internal readonly record struct AccessEntry(
    DateTimeOffset At, string Client, string User, string Method, string Target, string Protocol, int Status, long BytesOut, long BytesIn,
    string Referer, string UserAgent, TimeSpan Took, string Host, string? Backend, string? Upstream, TimeSpan UpstreamTook, string Id,
    string Namespace, string Ingress, string Service);
