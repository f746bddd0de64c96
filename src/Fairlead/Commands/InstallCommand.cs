using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Install;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead install`: writes systemd units, for a cluster of this machine or for a part that runs alone.</summary>
internal static class InstallCommand
{
    public static Command Create()
    {
        var command = new Command("install", "Write a systemd unit that starts a cluster, or a part alone, with the machine.") { Cluster() };
        foreach (var role in ServiceUnit.Roles) command.Add(Role(role));
        foreach (var part in ServiceUnit.Parts) command.Add(Part(part));
        return command;
    }

    private static Command Cluster()
    {
        var name = CommonOptions.Name();
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "File to write the context to; default: $KUBECONFIG or ~/.kube/config, of who installs." };
        var (options, more) = (new Target(), More("up"));
        var command = new Command("cluster", "Write the unit of a cluster of this machine.") { name, kubeconfig, more };
        options.AddTo(command);
        command.SetAction((parse, cancel) =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            string[] arguments = ["--name", paths.Name, "--kubeconfig", Path.GetFullPath(parse.GetValue(kubeconfig) ?? KubeconfigFile.DefaultPath()), .. parse.GetValue(more)!];
            Check(parse.RootCommandResult.Command, ["up", .. arguments]);
            return options.InstallAsync(parse, program => ServiceUnit.OfCluster(program, paths.Name, paths.Name == ClusterPaths.DefaultName, arguments), cancel);
        });
        return command;
    }

    /// <summary>A machine's part in a cluster of several.</summary>
    private static Command Role(string role)
    {
        var (options, more) = (new Target(), More(role));
        var command = new Command(role, $"Write the unit of `fairlead {role}`.") { more };
        options.AddTo(command);
        command.SetAction((parse, cancel) =>
        {
            var arguments = parse.GetValue(more)!;
            Check(parse.RootCommandResult.Command, [role, .. arguments]);
            return options.InstallAsync(parse, program => ServiceUnit.OfRole(program, role, arguments), cancel);
        });
        return command;
    }

    private static Command Part(string part)
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var (options, more) = (new Target(), More(part));
        var command = new Command(part, $"Write the unit of `fairlead {part}`.") { kubeconfig, more };
        options.AddTo(command);
        command.SetAction((parse, cancel) =>
        {
            var file = Path.GetFullPath(parse.GetValue(kubeconfig)!);
            var arguments = parse.GetValue(more)!;
            Check(parse.RootCommandResult.Command, [part, "--kubeconfig", file, .. arguments]);
            if (options.IsThisMachine(parse) && !File.Exists(file)) throw new UserException($"{file} does not exist; --kubeconfig names the file of the API server to work with");
            return options.InstallAsync(parse, program => ServiceUnit.OfPart(program, part, file, arguments), cancel);
        });
        return command;
    }

    private static Argument<string[]> More(string command) => new("options") { Description = $"After --: further options of `fairlead {command}`.", Arity = ArgumentArity.ZeroOrMore };

    /// <summary>What would not start is told of now, not in the journal.</summary>
    private static void Check(Command root, string[] line)
    {
        if (root.Parse(line).Errors is [var first, ..]) throw new UserException($"`fairlead {line[0]}` does not take that: {first.Message}");
    }

    /// <summary>Where a unit goes and what becomes of it.</summary>
    private sealed class Target
    {
        private readonly Option<string?> _root = Root();
        private readonly Option<bool> _print = new("--print") { Description = "Print the unit, and write nothing." };
        private readonly Option<bool> _enable = new("--enable") { Description = "Start it with the machine." };
        private readonly Option<bool> _now = new("--now") { Description = "Start it now." };
        private readonly Option<string?> _program = new("--program") { Description = "Path of the fairlead binary that the unit starts; default: this one." };

        public void AddTo(Command command)
        {
            foreach (var option in (Option[])[_enable, _now, _print, _root, _program]) command.Add(option);
        }

        public bool IsThisMachine(ParseResult parse) => parse.GetValue(_root) is null && !parse.GetValue(_print);

        public async Task<int> InstallAsync(ParseResult parse, Func<string, ServiceUnit> make, CancellationToken cancel)
        {
            var unit = make(parse.GetValue(_program) ?? Packaged(parse.GetValue(_root)) ?? Environment.ProcessPath ?? throw new UserException("--program is needed: this binary's own path is not known"));
            if (parse.GetValue(_print))
            {
                Console.Write(unit.Text);
                return 0;
            }
            var here = IsThisMachine(parse);
            if (here) Systemd.Check();
            else if (parse.GetValue(_now)) throw new UserException("--now is for this machine, not for --root");
            var file = new InstalledUnits(Folder(parse.GetValue(_root))).Write(unit, parse.GetValue(_enable));
            Console.WriteLine($" {Colours.Well} {file} written{(parse.GetValue(_enable) ? ", enabled" : "")}");
            if (!here) return 0;
            await Systemd.RunAsync(cancel, "daemon-reload");
            if (!parse.GetValue(_now))
            {
                Console.WriteLine($"   systemctl start {unit.Name}   starts it now");
                return 0;
            }
            await new Steps(Console.Out, TimeProvider.System).RunAsync($"{unit.Name} starts", () => Systemd.RunAsync(cancel, "start", unit.Name));
            return 0;
        }
    }

    /// <summary>Where the package puts the binary, if it is in that root.</summary>
    private static string? Packaged(string? root)
    {
        const string Path = "/usr/bin/fairlead";
        return root is not null && File.Exists(root.TrimEnd('/') + Path) ? Path : null;
    }

    internal static Option<string?> Root() => new("--root") { Description = "Folder of another machine's file system; default: this machine." };

    /// <exception cref="UserException">There is no such folder.</exception>
    internal static string Folder(string? root)
    {
        if (root is null) return "";
        return Directory.Exists(root) ? Path.GetFullPath(root).TrimEnd('/') : throw new UserException($"--root {root} is no folder; make it first");
    }
}

/// <summary>`fairlead uninstall`: takes away exactly what `fairlead install` wrote.</summary>
internal static class UninstallCommand
{
    public static Command Create()
    {
        var units = new Argument<string[]>("unit") { Description = "Units such as fairlead-proxy.service, or proxy; default: all that are installed.", Arity = ArgumentArity.ZeroOrMore };
        var root = InstallCommand.Root();
        var command = new Command("uninstall", "Stop and remove the systemd units that `fairlead install` wrote. Clusters stay; `fairlead down` removes them.") { units, root };
        command.SetAction(async (parse, cancel) =>
        {
            var here = parse.GetValue(root) is null;
            var installed = new InstalledUnits(InstallCommand.Folder(parse.GetValue(root)));
            var chosen = parse.GetValue(units) is { Length: > 0 } asked ? [.. asked.Select(name => Find(installed, name))] : installed.Names;
            if (chosen.Count == 0) Console.WriteLine("No unit is installed.");
            else if (here) Systemd.Check();
            foreach (var name in chosen)
            {
                if (here) await new Steps(Console.Out, TimeProvider.System).RunAsync($"{name} stops", () => Systemd.RunAsync(cancel, "stop", name));
                foreach (var path in installed.Remove(name)) Console.WriteLine($" {Colours.Well} {path} removed");
            }
            if (here && chosen.Count > 0) await Systemd.RunAsync(cancel, "daemon-reload");
            return 0;
        });
        return command;
    }

    private static string Find(InstalledUnits installed, string name) =>
        installed.Names.FirstOrDefault(unit => unit == name || unit == $"{name}.service" || unit == $"fairlead-{name}.service" || unit == $"fairlead-cluster-{name}.service" || (name == "cluster" && unit == "fairlead.service"))
        ?? throw new UserException($"no unit {name} is installed; installed: {(installed.Names.Count == 0 ? "none" : string.Join(", ", installed.Names))}");
}
