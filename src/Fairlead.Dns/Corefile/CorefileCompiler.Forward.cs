using Fairlead.Dns.Forward;

namespace Fairlead.Dns.Corefile;

/// <summary>Whom to ask, and what is kept of it: https://coredns.io/plugins/forward/, /cache/.</summary>
internal sealed partial class CorefileCompiler
{
    private void Forward(CorefileDirective directive)
    {
        if (!Expect(directive, directive.Arguments.Count >= 2, "forward takes a domain and servers, such as: forward . /etc/resolv.conf"))
        {
            return;
        }
        string? name = directive.Body.FirstOrDefault(line => line.Words is ["tls_servername", _])?.Words[1];
        var servers = new List<UpstreamServer>();
        var files = new List<string>();
        foreach (string to in directive.Arguments.Skip(1))
        {
            if (to.StartsWith('/'))
            {
                files.Add(to);
            }
            else if (UpstreamServer.Parse(to) is { } server)
            {
                servers.Add(server.IsTls && server.TlsServerName is null ? server with { TlsServerName = name } : server);
            }
            else
            {
                Error(directive.Line, $"{to} is not a server such as 10.0.0.1, 10.0.0.1:53 or tls://1.1.1.1, nor a file such as /etc/resolv.conf");
            }
        }
        var rule = new ForwardRule { Domain = directive.Arguments[0], Servers = servers, ResolverFiles = files, Policy = UpstreamPolicy.Random };
        foreach (CorefileLine line in directive.Body)
        {
            rule = ForwardSetting(directive, line, rule);
        }
        _forward.Add(rule);
    }

    private ForwardRule ForwardSetting(CorefileDirective directive, CorefileLine line, ForwardRule rule)
    {
        switch (line.Words)
        {
            case ["max_concurrent", var text]:
                // CoreDNS' 0 is no limit; there is always one here.
                return Value(line, CorefileValues.Number(text), "a number") is { } most ? rule with { Concurrency = most == 0 ? int.MaxValue : most } : rule;
            case ["max_fails", var text]:
                return Value(line, CorefileValues.Number(text), "a number") is { } fails ? rule with { FailuresUntilDown = fails } : rule;
            case ["health_check", var text]:
                return Value(line, CorefileValues.Duration(text), "a time such as 500ms") is { } every ? rule with { ProbeInterval = every } : rule;
            case ["expire", var text]:
                return Value(line, CorefileValues.Duration(text), "a time such as 10s") is { } idle ? rule with { ConnectionIdle = idle } : rule;
            case ["policy", "random" or "round_robin" or "sequential"]:
                return rule with { Policy = line.Words[1] switch { "random" => UpstreamPolicy.Random, "sequential" => UpstreamPolicy.Sequential, _ => UpstreamPolicy.RoundRobin } };
            case ["except", _, ..]:
                return rule with { Except = [.. rule.Except, .. line.Words.Skip(1)] };
            case ["force_tcp"]:
                return rule with { AlwaysTcp = true };
            // Over UDP first is how it is done here anyway.
            case ["prefer_udp"] or ["tls_servername", _]:
                return rule;
            default:
                Unknown(directive, line);
                return rule;
        }
    }

    private void Cache(CorefileDirective directive)
    {
        int? longest = directive.Arguments is [var text, ..] ? Value(directive.Line, CorefileValues.Number(text), "a number of seconds") : null;
        Expect(directive, directive.Arguments.Count <= 1, "cache for some domains only is not known; name those that are not kept with disable");
        var cache = new CacheOptions
        {
            Longest = TimeSpan.FromSeconds(longest ?? 3600),
            LongestNegative = TimeSpan.FromSeconds(longest ?? 1800),
            PrefetchHits = 0,
            Stale = StalePolicy.Never,
        };
        foreach (CorefileLine line in directive.Body)
        {
            cache = CacheSetting(directive, line, cache);
        }
        _block = _block with { Cache = cache };
    }

    private CacheOptions CacheSetting(CorefileDirective directive, CorefileLine line, CacheOptions cache)
    {
        string[] words = line.Words;
        int?[] numbers = [.. words.Skip(1).Select(CorefileValues.Number)];
        bool isNumbers = numbers.Length is >= 1 and <= 3 && !numbers.Contains(null);
        TimeSpan? Seconds(int index) => index < numbers.Length ? TimeSpan.FromSeconds(numbers[index]!.Value) : null;
        switch (words[0])
        {
            // CAPACITY [LONGEST] [LEAST]; one capacity is for both here.
            case "success" when isNumbers:
                return cache with { Capacity = numbers[0]!.Value, Longest = Seconds(1) ?? cache.Longest, Least = Seconds(2) ?? cache.Least };
            case "denial" when isNumbers:
                return cache with { LongestNegative = Seconds(1) ?? cache.LongestNegative, LeastNegative = Seconds(2) ?? cache.LeastNegative };
            case "prefetch" when words.Length is >= 2 and <= 4 && numbers[0] is { } hits && (words.Length < 4 || CorefileValues.Percentage(words[3]) is not null):
                return cache with { PrefetchHits = hits, PrefetchPercentage = words.Length == 4 ? CorefileValues.Percentage(words[3])!.Value : cache.PrefetchPercentage };
            case "serve_stale":
                return ServeStale(line, cache);
            case "servfail" when words.Length == 2 && CorefileValues.Duration(words[1]) is { } longest:
                return cache with { LongestFailure = longest };
            case "disable" when words.Length >= 2 && words[1] == "success":
                return cache with { Never = [.. words.Length > 2 ? words.Skip(2) : _keys] };
            case "disable" when words.Length >= 2 && words[1] == "denial":
                return cache with { NeverNegative = [.. words.Length > 2 ? words.Skip(2) : _keys] };
            default:
                Unknown(directive, line);
                return cache;
        }
    }

    private CacheOptions ServeStale(CorefileLine line, CacheOptions cache)
    {
        var stale = cache with { Stale = StalePolicy.AtOnce };
        foreach (string word in line.Words.Skip(1))
        {
            stale = word switch
            {
                "immediate" => stale with { Stale = StalePolicy.AtOnce },
                "verify" => stale with { Stale = StalePolicy.WhenNobodyAnswers },
                _ => Value(line, CorefileValues.Duration(word), "a time such as 1h, immediate or verify") is { } longest ? stale with { LongestStale = longest } : stale,
            };
        }
        return stale;
    }
}
