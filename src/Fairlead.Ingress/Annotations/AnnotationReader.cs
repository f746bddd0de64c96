namespace Fairlead.Ingress.Annotations;

/// <summary>Something about an Ingress that its author should know, told as an Event of type Warning.</summary>
internal readonly record struct Problem(string Reason, string Message);

/// <summary>Turns the annotations of one Ingress into options; what cannot be used is a problem of that Ingress alone.</summary>
internal static class AnnotationReader
{
    private const string Prefix = "nginx.ingress.kubernetes.io/";
    private const int LongestShown = 60;

    /// <param name="annotations">Without ingress-nginx' prefix.</param>
    internal static RouteOptions Read(IEnumerable<KeyValuePair<string, string>> annotations, ICollection<Problem> problems)
    {
        var options = RouteOptions.Default;
        var known = new List<(AnnotationRow Row, int Order, string Text)>();
        foreach (var (name, text) in annotations)
        {
            if (AnnotationTable.Rows.TryGetValue(name, out var found)) known.Add((found.Row, found.Order, text));
            else problems.Add(new Problem("UnknownAnnotation", $"{Prefix}{name} is not known here and has no effect"));
        }
        foreach (var (row, _, text) in known.OrderBy(entry => entry.Order))
        {
            (options, var error) = row.Apply(options, text);
            if (error is null) continue;
            var shown = text.Length > LongestShown ? text[..LongestShown] + "…" : text;
            problems.Add(new Problem("InvalidAnnotation", $"{Prefix}{row.Name}: {error}; it is \"{shown.ReplaceLineEndings(" ")}\"{(row.Guards ? "; until it is put right, requests are answered with 503" : ", and has no effect")}"));
            if (row.Guards) options = options with { Denied = options.Denied ?? $"{row.Name}: {error}" };
        }
        return options;
    }
}
