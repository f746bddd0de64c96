using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Node.Streaming;

/// <summary>The query of an exec: kubelet's own names, or those of the API that it is asked for with.</summary>
internal sealed record ExecRequest(ImmutableArray<string> Command, bool Input, bool Output, bool Error, bool Tty)
{
    public static ExecRequest Parse(IQueryCollection query)
    {
        var tty = Flag(query, "tty", "tty");
        return new(
            [.. query["command"].Select(word => word ?? "")],
            Flag(query, "input", "stdin"),
            Flag(query, "output", "stdout"),
            // A terminal has one stream.
            !tty && Flag(query, "error", "stderr"),
            tty);
    }

    public ExecConfig ToConfig() => new(Command, Input, Tty);

    private static bool Flag(IQueryCollection query, string own, string api) => LogOptions.IsTrue(query[own]) || LogOptions.IsTrue(query[api]);
}
