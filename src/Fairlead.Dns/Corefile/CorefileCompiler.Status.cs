using System.Net;

namespace Fairlead.Dns.Corefile;

/// <summary>What the server says of itself: https://coredns.io/plugins/health/, /ready/, /metrics/, /log/, /reload/, /bind/.</summary>
internal sealed partial class CorefileCompiler
{
    private static readonly TimeSpan s_reload = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_leastReload = TimeSpan.FromSeconds(2);

    private void Health(CorefileDirective directive)
    {
        AddStatus(directive, ":8080");
        foreach (CorefileLine line in directive.Body)
        {
            if (line.Words is ["lameduck", var text])
            {
                _lameduck = Value(line, CorefileValues.Duration(text), "a time such as 5s") ?? _lameduck;
            }
            else
            {
                Unknown(directive, line);
            }
        }
    }

    private void Status(CorefileDirective directive, string address)
    {
        AddStatus(directive, address);
        foreach (CorefileLine line in directive.Body)
        {
            Unknown(directive, line);
        }
    }

    private void AddStatus(CorefileDirective directive, string address)
    {
        Expect(directive, directive.Arguments.Count <= 1, $"{directive.Name} takes one address");
        string text = directive.Arguments is [var own, ..] ? own : address;
        if (CorefileValues.Address(text) is { } endpoint)
        {
            _status.Add(endpoint);
        }
        else
        {
            Error(directive.Line, $"{text} is not an address and port such as :8080");
        }
    }

    /// <summary>Answers always rotate.</summary>
    private void LoadBalance(CorefileDirective directive) =>
        Expect(directive, directive.Arguments is [] or ["round_robin"] && directive.Body.Count == 0, "loadbalance takes round_robin");

    private void Reload(CorefileDirective directive)
    {
        TimeSpan?[] times = [.. directive.Arguments.Select(CorefileValues.Duration)];
        if (Expect(directive, times.Length <= 2 && !times.Contains(null) && directive.Body.Count == 0, "reload takes an interval and a jitter, such as 30s 15s")
            && Expect(directive, times is not [{ } interval, ..] || interval >= s_leastReload, "reload takes at least 2s"))
        {
            _reload = times is [{ } every, ..] ? every : s_reload;
        }
    }

    private void Bind(CorefileDirective directive)
    {
        Expect(directive, directive.Arguments.Count > 0 && directive.Body.Count == 0, "bind takes addresses");
        foreach (string text in directive.Arguments)
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                _bound.Add(address);
            }
            else
            {
                Error(directive.Line, $"{text} is not an address to listen at");
            }
        }
    }

    private void Log(CorefileDirective directive)
    {
        var classes = AnswerClasses.None;
        foreach (CorefileLine line in directive.Body)
        {
            if (line.Words is not ["class", _, ..])
            {
                Unknown(directive, line);
                continue;
            }
            foreach (string word in line.Words.Skip(1))
            {
                if (word is "success" or "denial" or "error" or "all")
                {
                    classes |= Enum.Parse<AnswerClasses>(word, ignoreCase: true);
                }
                else
                {
                    Error(line, $"{word} is no class; known are success, denial, error, all");
                }
            }
        }
        if (!Expect(directive, !directive.Arguments.Any(word => word.Contains('{')), "log takes domains; its form cannot be chosen"))
        {
            return;
        }
        var log = new QueryLogOptions { Domains = directive.Arguments.Count > 0 ? directive.Arguments : _keys, Classes = classes == AnswerClasses.None ? AnswerClasses.All : classes };
        _block = _block with { Log = [.. _block.Log, log] };
    }
}
