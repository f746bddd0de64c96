using System.CommandLine;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Etcd;
using Fairlead.Kube.Client;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead backup FILE`: all objects of a running server, of one moment.</summary>
internal static class BackupCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "File to write." };
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var command = new Command("backup", "Write all objects of a server to a file, as they are at one moment.") { file, kubeconfig };
        command.SetAction((parse, cancel) => RunAsync(parse.GetValue(file)!, parse.GetValue(kubeconfig)!, cancel));
        return command;
    }

    private static async Task<int> RunAsync(string file, string kubeconfig, CancellationToken cancel)
    {
        using var client = new KubeClient(KubeClientConfiguration.FromFile(kubeconfig), "fairlead-backup");
        using var answer = await client.Http.GetAsync("fairlead/backup", HttpCompletionOption.ResponseHeadersRead, cancel);
        if (answer.Content.Headers.ContentType?.MediaType != Backup.MediaType)
            throw new UserException($"the server does not give a backup ({(int)answer.StatusCode}); it has to be `fairlead server`, and you its administrator");
        var temporary = file + ".new";
        // It holds the cluster's secrets.
        await using (var target = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            await answer.Content.CopyToAsync(target, cancel);
        }
        File.Move(temporary, file, overwrite: true);
        Console.WriteLine(AsTyped.Of($"{file}: {new FileInfo(file).Length / 1024.0:F0} KiB. It holds the cluster's secrets; `fairlead restore {file} --data-dir FOLDER` makes a server's folder of it."));
        return 0;
    }
}

/// <summary>`fairlead restore FILE`: a server's folder from a backup, or an etcd's keys, which is also how a server moves to etcd.</summary>
internal static class RestoreCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "File that `fairlead backup` wrote." };
        var data = new Option<string?>("--data-dir") { Description = "Folder for `fairlead server --data-dir`; it must have no store yet." };
        var etcd = new EtcdCommandOptions();
        var command = new Command("restore", "Make the store of a server from a backup: a folder's, or with --etcd-servers that in an etcd.") { file, data };
        etcd.AddTo(command);
        command.SetAction(async (parse, cancel) =>
        {
            var path = parse.GetValue(file)!;
            if (!File.Exists(path)) throw new UserException($"there is no file {path}");
            using var backup = File.OpenRead(path);
            if (etcd.Read(parse) is { } target) return await RestoreAsync(backup, target, string.Join(' ', etcd.Pass(parse)), cancel);
            var folder = parse.GetValue(data) ?? throw new UserException("name where to: --data-dir FOLDER, or --etcd-servers URLS");
            var count = Restored(backup, Path.Combine(folder, "store.db"));
            Console.WriteLine(AsTyped.Of($"{count} objects are in {folder}; start it with `fairlead server --data-dir {folder}`. Certificates are not part of a backup: keep the folder's pki, or nodes and users need new ones."));
            return 0;
        });
        return command;
    }

    private static async Task<int> RestoreAsync(Stream backup, EtcdOptions etcd, string options, CancellationToken cancel)
    {
        var (count, isBeyond) = await Backup.RestoreAsync(backup, etcd, TimeProvider.System, cancel);
        Console.WriteLine(AsTyped.Of($"{count} objects are in etcd under {etcd.Prefix}; start servers with `fairlead server {options}`, each with the pki folder of the server of before."));
        if (!isBeyond) Console.WriteLine("etcd's revisions are below those of before: start again what watches this cluster from outside it.");
        return 0;
    }

    private static int Restored(Stream backup, string store)
    {
        try
        {
            return Backup.Restore(backup, store);
        }
        catch (StoreException e)
        {
            throw new UserException(e.Message);
        }
    }
}
