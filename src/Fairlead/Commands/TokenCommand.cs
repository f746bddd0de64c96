using System.CommandLine;
using System.Globalization;
using Fairlead.Join;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;
using k8s.Models;

namespace Fairlead.Commands;

/// <summary>`fairlead token`: the tokens by which machines join, with kubeadm's words.</summary>
internal static class TokenCommand
{
    private const string ServerKubeconfig = $"/var/lib/fairlead/server/{AdminKubeconfig.FileName}";

    public static Command Create() => new("token", "Make, list and delete the tokens by which machines join.") { CreateToken(), List(), Delete() };

    private static Option<string?> Kubeconfig() => new("--kubeconfig")
    {
        Description = $"Kubeconfig file of the cluster; default: $KUBECONFIG, else {ServerKubeconfig} where it exists, else ~/.kube/config.",
    };

    private static KubeClientConfiguration Configuration(string? file) => KubeClientConfiguration.FromFile(
        file ?? (Environment.GetEnvironmentVariable("KUBECONFIG") is not { Length: > 0 } && File.Exists(ServerKubeconfig) ? ServerKubeconfig : KubeconfigFile.DefaultPath()));

    private static Command CreateToken()
    {
        var given = new Argument<string?>("token") { Description = "The token, as abcdef.0123456789abcdef; default: one by chance.", Arity = ArgumentArity.ZeroOrOne };
        var kubeconfig = Kubeconfig();
        var life = new Option<string>("--ttl") { Description = "How long it holds, as 30m, 24h or 7d; 0: until it is deleted.", DefaultValueFactory = _ => "24h" };
        var description = new Option<string>("--description") { Description = "What it is for.", DefaultValueFactory = _ => "" };
        var whole = new Option<bool>("--print-join-command") { Description = "As kubeadm has it; the command is printed anyway." };
        var only = new Option<bool>("--token-only") { Description = "Print the token alone." };
        var command = new Command("create", "Make a token, and print the command for the machine that shall join.") { given, kubeconfig, life, description, whole, only };
        command.SetAction(async (parse, cancel) =>
        {
            var token = parse.GetValue(given) is { } text ? BootstrapToken.TryParse(text) ?? throw new UserException($"{text} is not of the form abcdef.0123456789abcdef") : BootstrapToken.Generate();
            var span = Duration(parse.GetValue(life)!);
            var configuration = Configuration(parse.GetValue(kubeconfig));
            if (configuration.CertificateAuthorities is not [var authority, ..]) throw new UserException("the kubeconfig names no certificate authority, which the join command tells; use the server's own file");
            using var client = new KubeClient(configuration, "fairlead-token");
            var end = span > TimeSpan.Zero ? TimeProvider.System.GetUtcNow() + span : (DateTimeOffset?)null;
            await client.CreateAsync(ApiResources.Secrets, token.ToSecret(end, parse.GetValue(description)!, [BootstrapToken.Group]), cancel);
            Console.WriteLine(parse.GetValue(only) ? token.ToString() : JoinCommandLine.Of(configuration.Server, token, authority));
            return 0;
        });
        return command;
    }

    private static Command List()
    {
        var kubeconfig = Kubeconfig();
        var command = new Command("list", "List the tokens.") { kubeconfig };
        command.SetAction(async (parse, cancel) =>
        {
            using var client = new KubeClient(Configuration(parse.GetValue(kubeconfig)), "fairlead-token");
            var secrets = await client.ListAsync(ApiResources.Secrets, BootstrapToken.Namespace, new ListOptions { FieldSelector = $"type={BootstrapToken.SecretType}" }, cancel);
            var now = TimeProvider.System.GetUtcNow();
            string[] head = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"];
            Print([head, .. secrets.Items.Select(StoredToken.From).OfType<StoredToken>().Select(token => Row(token, now))]);
            return 0;
        });
        return command;
    }

    private static Command Delete()
    {
        var which = new Argument<string[]>("token") { Description = "Tokens, or their first six characters.", Arity = ArgumentArity.OneOrMore };
        var kubeconfig = Kubeconfig();
        var command = new Command("delete", "Delete tokens. Machines that have joined stay.") { which, kubeconfig };
        command.SetAction(async (parse, cancel) =>
        {
            using var client = new KubeClient(Configuration(parse.GetValue(kubeconfig)), "fairlead-token");
            foreach (var text in parse.GetValue(which)!)
            {
                var id = text.Split('.')[0];
                if (!await client.DeleteAsync(ApiResources.Secrets, new ObjectKey(BootstrapToken.Namespace, BootstrapToken.NamePrefix + id), new V1DeleteOptions(), cancel))
                    throw new UserException($"there is no token {id}; `fairlead token list` shows those that there are");
                Console.WriteLine($"bootstrap token \"{id}\" deleted");
            }
            return 0;
        });
        return command;
    }

    private static string[] Row(StoredToken token, DateTimeOffset now) =>
    [
        token.Token.ToString(),
        token.End is { } end ? end > now ? Show(end - now) : "<expired>" : "<forever>",
        token.End is { } time ? Timestamps.Seconds(time) : "<never>",
        token.Usages, token.Description.Length > 0 ? token.Description : "<none>", token.Groups,
    ];

    private static string Show(TimeSpan span) => span.TotalDays >= 2 ? $"{(int)span.TotalDays}d" : span.TotalHours >= 1 ? $"{(int)span.TotalHours}h" : $"{Math.Max(1, (int)span.TotalMinutes)}m";

    private static void Print(IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows) Console.WriteLine(string.Join("   ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    /// <summary>A number with a unit of days, hours, minutes or seconds.</summary>
    internal static TimeSpan Duration(string text)
    {
        if (text == "0") return TimeSpan.Zero;
        var unit = text.Length > 1 ? text[^1] switch { 'd' => TimeSpan.FromDays(1), 'h' => TimeSpan.FromHours(1), 'm' => TimeSpan.FromMinutes(1), 's' => TimeSpan.FromSeconds(1), _ => TimeSpan.Zero } : TimeSpan.Zero;
        const int Most = 100_000;
        return unit > TimeSpan.Zero && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= Most
            ? unit * number
            : throw new UserException($"--ttl {text} is not a duration such as 30m, 24h or 7d");
    }
}
